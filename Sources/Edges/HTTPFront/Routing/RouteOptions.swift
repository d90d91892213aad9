/// What a route asks of the front before and after its handler.
package struct RouteOptions: Sendable {
    /// The largest body, or nil for the server's own limit.
    package var maxBodyBytes: Int?
    /// The class of the server's rate limiter that counts requests of this route by client address.
    package var rateLimitClass: String?
    /// Whether responses carry the CORS fields.
    package var cors: Bool
    /// The listener resource it belongs to (`client`, `federation`, `metrics` …), or nil if every listener serves it.
    package var resource: String?
    /// Whether the task of the handler is cancelled when the client goes away. Nil means: for GET only, since
    /// an abandoned write must still be done or refused as a whole.
    package var cancelledOnDisconnect: Bool?
    /// Whether an `.async` handler begins with the header of the request and takes the body as it comes
    /// (`HTTPRequest.bodyStream`), instead of having it whole in memory.
    package var streamsBody: Bool

    package init(
        maxBodyBytes: Int? = nil, rateLimitClass: String? = nil, cors: Bool = true, resource: String? = nil,
        cancelledOnDisconnect: Bool? = nil, streamsBody: Bool = false
    ) {
        self.maxBodyBytes = maxBodyBytes
        self.rateLimitClass = rateLimitClass
        self.cors = cors
        self.resource = resource
        self.cancelledOnDisconnect = cancelledOnDisconnect
        self.streamsBody = streamsBody
    }
}
