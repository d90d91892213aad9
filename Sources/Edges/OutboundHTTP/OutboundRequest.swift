/// A request to another machine.
package struct OutboundRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"

        /// Whether a request says the length of its body even when there is none.
        var hasBody: Bool { self == .post || self == .put }
    }

    package var method: Method
    package var isTLS: Bool
    /// A name or an address; of an IPv6 address without its brackets.
    package var host: String
    package var port: Int
    /// What the `Host` field says.
    package var authority: String
    /// The path with the query.
    package var target: String
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    /// More bytes of the answer's body are not read.
    package var largestAnswer: Int
    /// What the certificate must be valid for: a name, or an address. Nil: `host`.
    package var certificateName: String?
    /// Whether the certificate is looked at; it is not where the client looks at none.
    package var verifiesCertificate: Bool
    /// Whether a connection that is open is used, and this one kept for the next request. A request for which a kept
    /// connection turns out to be closed is sent again, unless an answer had begun.
    package var keepsConnection: Bool

    package init(
        _ method: Method, isTLS: Bool, host: String, port: Int, authority: String, target: String,
        fields: [(name: String, value: String)], body: [UInt8] = [], largestAnswer: Int,
        certificateName: String? = nil, verifiesCertificate: Bool = true, keepsConnection: Bool = false
    ) {
        self.method = method
        self.isTLS = isTLS
        self.host = host
        self.port = port
        self.authority = authority
        self.target = target
        self.fields = fields
        self.body = body
        self.largestAnswer = largestAnswer
        self.certificateName = certificateName
        self.verifiesCertificate = verifiesCertificate
        self.keepsConnection = keepsConnection
    }
}

/// What came back.
package struct OutboundAnswer: Sendable {
    package var status = 0
    package var contentType = ""
    package var location: String?
    /// `Cache-Control`, all of its fields.
    package var cacheControl = ""
    package var expires: String?
    package var body: [UInt8] = []
    /// The body is longer than what was read of it.
    package var isCut = false

    package init() {}
}
