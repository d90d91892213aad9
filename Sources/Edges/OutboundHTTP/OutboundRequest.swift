/// A request to another machine.
package struct OutboundRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
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

    package init(
        _ method: Method, isTLS: Bool, host: String, port: Int, authority: String, target: String,
        fields: [(name: String, value: String)], body: [UInt8] = [], largestAnswer: Int
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
    }
}

/// What came back.
package struct OutboundAnswer: Sendable {
    package var status = 0
    package var contentType = ""
    package var location: String?
    package var body: [UInt8] = []
    /// The body is longer than what was read of it.
    package var isCut = false
}
