import EndpointSupport
import HTTPFront
import MatrixIdentifiers

/// Gathers the routes of the server-server API: puts the signature's check before their handlers, and standard errors
/// behind them.
struct FederationTable {
    private(set) var routes: [Route] = []
    private let authentication: any RequestAuthentication
    private let nowMs: @Sendable () -> Int64

    init(authentication: any RequestAuthentication, nowMs: @escaping @Sendable () -> Int64) {
        self.authentication = authentication
        self.nowMs = nowMs
    }

    /// An endpoint for servers that prove who they are.
    mutating func signed(
        _ method: HTTPMethod, _ path: String, maxBodyBytes: Int? = nil,
        _ handle: @escaping @Sendable (FederationCall) async throws -> HTTPResponse
    ) {
        let authentication = authentication
        add(method, path, maxBodyBytes, origin: { try await authentication.origin(of: $0) }, handle)
    }

    /// An endpoint for everybody.
    mutating func open(
        _ method: HTTPMethod, _ path: String, resource: String = "federation",
        _ handle: @escaping @Sendable (FederationCall) async throws -> HTTPResponse
    ) {
        add(method, path, resource: resource, nil, origin: { _ in nil }, handle)
    }

    private mutating func add(
        _ method: HTTPMethod, _ path: String, resource: String = "federation", _ maxBodyBytes: Int?,
        origin: @escaping @Sendable (HTTPRequest) async throws -> ServerName?,
        _ handle: @escaping @Sendable (FederationCall) async throws -> HTTPResponse
    ) {
        let nowMs = nowMs
        let options = RouteOptions(maxBodyBytes: maxBodyBytes, cors: false, resource: resource)
        routes.append(
            Route(
                method, path, options: options,
                .async { request in
                    do {
                        let origin = try await origin(request)
                        return try await handle(FederationCall(request: request, knownOrigin: origin, nowMs: nowMs()))
                    } catch {
                        throw Faults.matrixError(error)
                    }
                }))
    }
}
