import CommandHandling
import HTTPFront
import MatrixIdentifiers
import OutboundHTTP
import Synchronization
import Testing

@testable import Reactors

@Suite(.timeLimit(.minutes(10))) struct GatewayClientTests {
    /// A web server on a port of its own that answers in a way.
    private final class Server: Sendable {
        private let server: HTTPServer
        private let bodies = Bodies()

        init(_ answer: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse) throws {
            let metrics = MetricsRegistry()
            let bodies = bodies
            server = HTTPServer(
                configuration: HTTPServerConfiguration(
                    listeners: [HTTPListener(host: "127.0.0.1", port: 0)], eventLoopThreads: 1),
                router: Router([
                    Route(
                        .post, "/_matrix/push/v1/notify",
                        .async { request in
                            bodies.add(String(decoding: request.body, as: UTF8.self))
                            return try await answer(request)
                        })
                ]),
                pool: try WorkerPool(threads: 2, metrics: metrics), metrics: metrics,
                log: StructuredLog(minimumLevel: .error))
        }

        var told: [String] { bodies.all }

        func start() async throws -> GatewayURL {
            let addresses = try await server.start()
            let text = "http://127.0.0.1:\(addresses[0].port)/_matrix/push/v1/notify"
            return try #require(GatewayURL(text))
        }

        func stop() async { await server.shutdown(grace: .seconds(0)) }
    }

    private final class Bodies: Sendable {
        private let held = Mutex<[String]>([])
        var all: [String] { held.withLock { $0 } }
        func add(_ body: String) { held.withLock { $0.append(body) } }
    }

    private func client(_ change: (inout GatewayClient.Settings) -> Void = { _ in }) throws -> GatewayClient {
        var settings = GatewayClient.Settings()
        settings.policy = AddressPolicy(allowed: [try #require(AddressRange("127.0.0.0/8"))])
        change(&settings)
        return try GatewayClient(settings: settings)
    }

    private func fault(_ body: () async throws -> GatewayAnswer) async -> OutboundFault? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? OutboundFault
        }
    }

    @Test func postsAndReads() async throws {
        let server = try Server { _ in
            HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], body: Array("{\"a\":1}".utf8))
        }
        let url = try await server.start()
        let client = try client()
        for _ in 0..<3 {
            let answer = try await client.post(Array("{}".utf8), to: url)
            #expect(answer == GatewayAnswer(status: 200, body: Array("{\"a\":1}".utf8)))
        }
        #expect(server.told == ["{}", "{}", "{}"])
        await client.shutDown()
        await server.stop()
    }

    @Test func privateAddressesAreRefused() async throws {
        let server = try Server { _ in HTTPResponse(status: 200, headers: [], body: []) }
        let url = try await server.start()
        let client = try client { $0.policy = AddressPolicy() }
        #expect(await fault { try await client.post([], to: url) } == .forbiddenAddress)
        // A name that leads to this machine is no way around.
        let named = try #require(GatewayURL("http://localhost:\(url.port)/_matrix/push/v1/notify"))
        #expect(await fault { try await client.post([], to: named) } == .forbiddenAddress)
        let mapped = try #require(GatewayURL("http://[::ffff:127.0.0.1]:\(url.port)/_matrix/push/v1/notify"))
        #expect(await fault { try await client.post([], to: mapped) } == .forbiddenAddress)
        #expect(server.told == [])
        await client.shutDown()
        await server.stop()
    }

    @Test func slowAndEndlessAnswersEnd() async throws {
        let server = try Server { request in
            if request.query.first("how") == "large" {
                return HTTPResponse(status: 200, headers: [], body: [UInt8](repeating: 0x20, count: 200_000))
            }
            if request.query.first("how") == "elsewhere" {
                return HTTPResponse(status: 302, headers: [("Location", "http://127.0.0.1:1/")], body: [])
            }
            try await Task.sleep(for: .seconds(100_000))
            throw CancellationError()
        }
        let url = try await server.start()
        func asking(_ how: String) throws -> GatewayURL {
            try #require(GatewayURL("http://127.0.0.1:\(url.port)/_matrix/push/v1/notify?how=\(how)"))
        }
        let hasty = try client { $0.timeoutMs = 100 }
        #expect(await fault { try await hasty.post([], to: try asking("never")) } == .timedOut)
        let client = try client()
        #expect(await fault { try await client.post([], to: try asking("large")) } == .tooLarge)
        #expect(try await client.post([], to: try asking("elsewhere")).status == 302)
        // Who is no longer wanted does not wait.
        let waiting = Task { [url = try asking("never")] in try await client.post([], to: url) }
        while server.told.count < 4 { try await Task.sleep(for: .milliseconds(2)) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        await hasty.shutDown()
        await client.shutDown()
        await server.stop()
    }

    @Test func nobodyListens() async throws {
        let server = try Server { _ in HTTPResponse(status: 200, headers: [], body: []) }
        let url = try await server.start()
        let client = try client()
        // The server does not speak TLS.
        let secure = try #require(GatewayURL("https://127.0.0.1:\(url.port)/_matrix/push/v1/notify"))
        await #expect(throws: (any Error).self) { try await client.post([], to: secure) }
        let nowhere = try #require(GatewayURL("http://nowhere.invalid/_matrix/push/v1/notify"))
        #expect(await fault { try await client.post([], to: nowhere) } == .unknownHost)
        await client.shutDown()
        await server.stop()
    }
}
