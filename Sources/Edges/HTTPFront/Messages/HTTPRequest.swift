/// One request, complete with its body. Copies are cheap: the parts are shared.
package struct HTTPRequest: Sendable {
    private let parts: Parts

    /// The request method. A HEAD request reaches the GET handler of its route with `method` still `.head`.
    package var method: HTTPMethod { parts.method }
    /// The path as it was sent, percent-encoded and without the query.
    package var rawPath: String { parts.rawPath }
    /// The segments of the path, percent-decoded one by one: an encoded `/` stays inside its segment.
    package var pathSegments: [String] { parts.pathSegments }
    /// The path and the query as they were sent.
    package var target: String { query.isPresent ? "\(rawPath)?\(query.raw)" : rawPath }
    /// The parameters of the query.
    package var query: HTTPQuery { parts.query }
    /// The header fields.
    package var headers: HTTPRequestHeaders { parts.headers }
    /// The body, empty when there was none, and where the route streams it.
    package var body: [UInt8] { parts.body }
    /// The body as it comes, for a handler that takes it once; where the route does not stream, all of it at once.
    package var bodyStream: RequestBodyStream { parts.bodyStream ?? RequestBodyStream(parts.body) }
    /// Whether bytes of the body may still come.
    var isReceiving: Bool { parts.bodyStream.map { !$0.hasEnded } ?? false }
    /// The length that the client has declared; nil if it did not.
    package var declaredLength: Int? { parts.declaredLength }
    /// The client's address; from `X-Forwarded-For` when the listener trusts its proxy.
    package var remoteAddress: String { parts.remoteAddress }
    /// The number of the request in this process, from 1.
    package var number: UInt64 { parts.number }
    /// Whether the connection of the client is encrypted, here or by the trusted proxy in front of us.
    package var isTLS: Bool { parts.isTLS }
    /// What the `{…}` segments of the route matched.
    package var parameters: PathParameters { parts.parameters }
    /// When the request was complete, in nanoseconds of the monotonic clock.
    package var receivedAt: UInt64 { parts.receivedAt }
    /// The template of the route that matched, for logs and metrics.
    package var routeTemplate: String { parts.routeTemplate }

    /// A name for the request that is unique in this process, as `GET-17`.
    package var requestID: String { "\(parts.method.name)-\(parts.number)" }

    /// The access token, from the header or else from the query, or nil if there is none.
    ///
    /// > Access tokens may be provided via a request header, using the Authentication Bearer scheme. […] Clients may
    /// > alternatively provide the access token via a query string parameter.
    package var accessToken: String? {
        if let header = headers.first("authorization") {
            var header = header
            let token = header.withUTF8 { bytes -> String? in
                let scheme = "bearer ".utf8
                guard bytes.count > scheme.count, zip(bytes, scheme).allSatisfy({ $0 | 0x20 == $1 }) else { return nil }
                let rest = bytes[scheme.count...].drop { $0 == 0x20 }
                return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
            }
            if let token { return token }
        }
        return query.first("access_token")
    }

    /// Puts a request together; the server does this, and tests do.
    package init(
        method: HTTPMethod, rawPath: String, pathSegments: [String], query: HTTPQuery = HTTPQuery(),
        headers: HTTPRequestHeaders = HTTPRequestHeaders(), body: [UInt8] = [], bodyStream: RequestBodyStream? = nil,
        declaredLength: Int? = nil, remoteAddress: String = "",
        number: UInt64 = 0, isTLS: Bool = false, parameters: PathParameters = PathParameters(), receivedAt: UInt64 = 0,
        routeTemplate: String = ""
    ) {
        parts = Parts(
            method: method, rawPath: rawPath, pathSegments: pathSegments, query: query, headers: headers, body: body,
            bodyStream: bodyStream, declaredLength: declaredLength, remoteAddress: remoteAddress, number: number,
            isTLS: isTLS, parameters: parameters, receivedAt: receivedAt,
            routeTemplate: routeTemplate)
    }

    private final class Parts: Sendable {
        let method: HTTPMethod
        let rawPath: String
        let pathSegments: [String]
        let query: HTTPQuery
        let headers: HTTPRequestHeaders
        let body: [UInt8]
        let bodyStream: RequestBodyStream?
        let declaredLength: Int?
        let remoteAddress: String
        let number: UInt64
        let isTLS: Bool
        let parameters: PathParameters
        let receivedAt: UInt64
        let routeTemplate: String

        init(
            method: HTTPMethod, rawPath: String, pathSegments: [String], query: HTTPQuery,
            headers: HTTPRequestHeaders, body: [UInt8], bodyStream: RequestBodyStream?, declaredLength: Int?,
            remoteAddress: String, number: UInt64, isTLS: Bool,
            parameters: PathParameters, receivedAt: UInt64, routeTemplate: String
        ) {
            self.method = method
            self.rawPath = rawPath
            self.pathSegments = pathSegments
            self.query = query
            self.headers = headers
            self.body = body
            self.bodyStream = bodyStream
            self.declaredLength = declaredLength
            self.remoteAddress = remoteAddress
            self.number = number
            self.isTLS = isTLS
            self.parameters = parameters
            self.receivedAt = receivedAt
            self.routeTemplate = routeTemplate
        }
    }
}
