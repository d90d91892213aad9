import CanonicalJSON
import EventSigning
import FederationClient
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import OutboundHTTP
import Synchronization
import Testing

/// Servers with real TLS on ports of this machine, a name server, and names that all lead here.
final class World: Sendable {
    let names = NameServer()
    let certificates: Certificates
    let key: SigningKey
    let clock = Clock()
    private let trusted = Mutex<[String]>([])
    private let running = Mutex<[HTTPServer]>([])
    private let clients = Mutex<[FederationClient]>([])

    final class Clock: Sendable {
        private let now = Mutex<Int64>(1_700_000_000_000)
        var nowMs: Int64 { now.withLock { $0 } }
        func advance(_ ms: Int64) { now.withLock { $0 += ms } }
    }

    /// What a server was asked.
    final class Visits: Sendable {
        private let seen = Mutex<[HTTPRequest]>([])
        var all: [HTTPRequest] { seen.withLock { $0 } }
        var hosts: [String] { all.map { $0.headers.first("host") ?? "" } }
        func add(_ request: HTTPRequest) { seen.withLock { $0.append(request) } }
    }

    struct Running: Sendable {
        let port: Int
        let visits: Visits
    }

    private init() throws {
        certificates = try Certificates()
        key = try SigningKey(seed: [UInt8](repeating: 5, count: 32), keyID: "ed25519:k")
        names.start()
    }

    /// Ends all servers and clients afterwards.
    static func with(_ body: (World) async throws -> Void) async throws {
        let world = try World()
        do {
            try await body(world)
        } catch {
            await world.end()
            throw error
        }
        await world.end()
    }

    private func end() async {
        for client in clients.withLock({ $0 }) { await client.shutDown() }
        for server in running.withLock({ $0 }) { await server.shutdown(grace: .seconds(0)) }
        names.stop()
    }

    /// A server whose certificate is valid for `names`, such as `DNS:a.test`.
    func serve(
        _ names: [String], isTrusted: Bool = true,
        _ answer: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse = { _ in .json(.object(["ok": true])) }
    ) async throws -> Running {
        let files = try certificates.make(names)
        if isTrusted { trusted.withLock { $0.append(files.certificate) } }
        let visits = Visits()
        let metrics = MetricsRegistry()
        let handler = Route.Handler.pooled { request in
            visits.add(request)
            return try answer(request)
        }
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(
                listeners: [
                    HTTPListener(
                        host: "127.0.0.1", port: 0,
                        tls: TLSFiles(certificateChainPath: files.certificate, privateKeyPath: files.key))
                ], eventLoopThreads: 1),
            router: Router([
                Route(.get, "/{path*}", handler), Route(.put, "/{path*}", handler), Route(.post, "/{path*}", handler),
            ]),
            pool: try WorkerPool(threads: 2, metrics: metrics), metrics: metrics,
            log: StructuredLog(minimumLevel: .error))
        let addresses = try await server.start()
        running.withLock { $0.append(server) }
        return Running(port: addresses[0].port, visits: visits)
    }

    /// A client that trusts the servers made so far.
    func client(
        allowed: Set<ServerName>? = nil, _ change: (inout FederationClientSettings) -> Void = { _ in }
    ) throws -> FederationClient {
        var settings = FederationClientSettings()
        settings.policy = AddressPolicy(allowed: [try #require(AddressRange("127.0.0.0/8"))])
        settings.authorityFiles = trusted.withLock { $0 }
        settings.lookUp = { $0.hasSuffix(".test") ? ["127.0.0.1"] : [] }
        settings.nameServer = .init(address: "127.0.0.1", port: names.port)
        settings.port = 1
        settings.wellKnownPort = 1
        settings.backOff.jitter = 0
        settings.timeoutMs = 20_000
        change(&settings)
        let own = try ServerName(parsing: "own.test")
        let client = try FederationClient(
            serverName: own, signingKey: key, peers: FederationPeers(own: own, allowed: allowed), settings: settings,
            nowMs: { [clock] in clock.nowMs }, random: { 0 })
        clients.withLock { $0.append(client) }
        return client
    }
}

func server(_ name: String) throws -> ServerName { try ServerName(parsing: name) }

/// The fault of a request that must have none but it.
func fault(_ client: FederationClient, _ request: RemoteRequest) async throws -> RemoteFault? {
    do {
        _ = try await client.send(request)
        return nil
    } catch let fault as RemoteFault {
        return fault
    }
}
