import CanonicalJSON
import Decisions
import EndpointSupport
import EventLog
import HTTPFront
import MatrixIdentifiers
import Queries

/// Gathers the routes of all endpoints: puts the prefixes before their paths, authentication before their handlers, and
/// standard errors behind them.
struct EndpointTable {
    private(set) var routes: [Route] = []
    private let authenticator: Authenticator
    private let nowMs: @Sendable () -> Int64
    private let epoch: UInt64

    /// Every prefix that a client old or new puts before an endpoint.
    private static let prefix = "/_matrix/client/{version:v3|r0|v1|unstable}"

    init(authenticator: Authenticator, nowMs: @escaping @Sendable () -> Int64, epoch: UInt64) {
        self.authenticator = authenticator
        self.nowMs = nowMs
        self.epoch = epoch
    }

    /// An endpoint that reads, on a thread of the pool.
    mutating func read(
        _ path: String, _ access: Access, _ handle: @escaping @Sendable (Call) throws -> HTTPResponse
    ) {
        read(.get, path, access, handle)
    }

    /// An endpoint with another method that does not write to the log either.
    mutating func read(
        _ method: HTTPMethod,
        _ path: String,
        _ access: Access,
        _ handle: @escaping @Sendable (Call) throws -> HTTPResponse
    ) {
        let (authenticator, nowMs, epoch) = (authenticator, nowMs, epoch)
        add(
            method, path,
            .pooled { request in
                try Faults.rethrow(request) {
                    let identity = try access.check(request, authenticator)
                    return try handle(Call(request: request, knownIdentity: identity, nowMs: nowMs(), epoch: epoch))
                }
            })
    }

    /// An endpoint that writes or waits.
    mutating func perform(
        _ method: HTTPMethod,
        _ path: String,
        _ access: Access,
        options: RouteOptions = RouteOptions(resource: "client"),
        _ handle: @escaping @Sendable (Call) async throws -> HTTPResponse
    ) {
        let (authenticator, nowMs, epoch) = (authenticator, nowMs, epoch)
        add(
            method, path, options: options,
            .async { request in
                do {
                    let identity = try access.check(request, authenticator)
                    return try await handle(
                        Call(request: request, knownIdentity: identity, nowMs: nowMs(), epoch: epoch))
                } catch let challenge as Challenge {
                    return challenge.response
                } catch {
                    throw Faults.matrixError(error)
                }
            })
    }

    /// An endpoint that takes a body of any kind as it comes; nobody is asked for it before who sends it is known.
    mutating func upload(
        _ method: HTTPMethod,
        _ path: String,
        _ access: Access,
        atMost limit: Int,
        _ handle: @escaping @Sendable (Call) async throws -> HTTPResponse
    ) {
        let options = RouteOptions(maxBodyBytes: limit, resource: "client", streamsBody: true)
        perform(method, path, access, options: options, handle)
    }

    /// An endpoint whose answer never changes.
    mutating func constant(_ path: String, _ response: HTTPResponse) {
        add(.get, path, .immediate { _ in response })
    }

    private mutating func add(
        _ method: HTTPMethod, _ path: String, options: RouteOptions = RouteOptions(resource: "client"),
        _ handler: Route.Handler
    ) {
        let isAbsolute = path.hasPrefix("/_") || path.hasPrefix("/.well-known")
        routes.append(Route(method, isAbsolute ? path : Self.prefix + path, options: options, handler))
    }
}
