import CanonicalJSON
import HTTPFront

/// A server on a free port with a few routes, and its parts.
struct TestServer {
    let server: HTTPServer
    let pool: WorkerPool
    let metrics: MetricsRegistry
    let addresses: [BoundAddress]

    var port: Int { addresses[0].port }

    func client() throws -> RawClient { try RawClient(port: port) }

    func get(_ target: String) throws -> RawClient.Answer {
        let client = try client()
        client.send("GET \(target) HTTP/1.1\r\nHost: test\r\n\r\n")
        return try client.receive()
    }

    /// Runs `body` with a server and stops it afterwards, whatever happens.
    static func with(
        routes: [Route] = Self.routes, listeners: [HTTPListener] = [HTTPListener(port: 0)],
        rateLimiter: RateLimiter? = nil, poolThreads: Int = 4, queueLimit: Int = 256,
        limits: HTTPLimits = .patient, _ body: (TestServer) async throws -> Void
    ) async throws {
        let metrics = MetricsRegistry()
        let pool = try WorkerPool(threads: poolThreads, queueLimit: queueLimit, metrics: metrics)
        let configuration = HTTPServerConfiguration(listeners: listeners, limits: limits, rateLimiter: rateLimiter)
        let server = HTTPServer(
            configuration: configuration, router: Router(routes), pool: pool, metrics: metrics,
            log: StructuredLog(sink: .nowhere))
        let addresses = try await server.start()
        let test = TestServer(server: server, pool: pool, metrics: metrics, addresses: addresses)
        do {
            try await body(test)
        } catch {
            await server.shutdown(grace: .seconds(1))
            pool.shutdown()
            throw error
        }
        await server.shutdown(grace: .seconds(5))
        pool.shutdown()
    }

    static let versions = Array(#"{"versions":["v1.11"]}"#.utf8)

    static let routes: [Route] = [
        Route(.get, "/_matrix/client/versions", .immediate { _ in .json(versions) }),
        Route(.get, "/pooled/{name}", .pooled { .json(Array(#""\#($0.parameters["name"])""#.utf8)) }),
        Route(
            .get, "/async",
            .async { _ in
                await Task.yield()
                return .json(Array("2".utf8))
            }),
        Route(.post, "/echo", .pooled { .json($0.body) }),
        Route(.put, "/small", options: RouteOptions(maxBodyBytes: 100), .async { .json($0.body) }),
        Route(
            .get, "/refused",
            .pooled { _ in
                throw MatrixError(
                    status: 401, errcode: "M_UNKNOWN_TOKEN", message: "Unknown token", extra: [("soft_logout", false)])
            }),
        Route(.get, "/broken", .pooled { _ in throw Broken() }),
        Route(
            .get, "/large",
            .pooled { _ in
                HTTPResponse(status: 200, chunks: Array(repeating: [UInt8](repeating: 0x61, count: 100_000), count: 30))
            }),
        Route(
            .get, "/forged",
            .immediate { _ in
                HTTPResponse(status: 200, headers: [("X-Name", "a\r\nX-Forged: b"), ("X-Good", "c")])
            }),
        Route(.get, "/who", .immediate { .json(Array("\($0.remoteAddress) \($0.isTLS)".utf8)) }),
    ]

    struct Broken: Error {}
}

extension HTTPLimits {
    /// The usual limits, with times that a machine under load does not reach either.
    static let patient = HTTPLimits.with { _ in }

    /// The patient limits with a change.
    static func with(_ change: (inout HTTPLimits) -> Void) -> HTTPLimits {
        var limits = HTTPLimits()
        limits.headerTimeout = 300_000
        limits.bodyTimeout = 300_000
        limits.idleTimeout = 300_000
        limits.writeTimeout = 300_000
        change(&limits)
        return limits
    }
}
