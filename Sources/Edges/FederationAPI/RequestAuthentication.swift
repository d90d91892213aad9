package import HTTPFront
package import MatrixIdentifiers

/// Says which server a request comes from.
package protocol RequestAuthentication: Sendable {
    /// - Throws: `MatrixError` 401 M_UNAUTHORIZED for a request that is not signed, or not by the server it names; 403 for
    ///   one that this server does not federate with.
    func origin(of request: HTTPRequest) async throws -> ServerName
}
