import CanonicalJSON

/// One response. The front adds `Content-Length`, `Date`, `Connection` and the CORS fields.
package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: [(String, String)]
    /// The body, or its first part.
    package var body: [UInt8]
    /// What follows `body`: parts that were rendered earlier and need not be joined by the handler.
    package var moreChunks: [[UInt8]]
    /// What follows them from the disk; handlers of `.immediate` routes have none, since it is read on their thread.
    package var file: FileBody?

    package init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
        moreChunks = []
    }

    /// A response whose body is in several parts.
    package init(status: Int, headers: [(String, String)] = [], chunks: [[UInt8]]) {
        self.status = status
        self.headers = headers
        body = chunks.first ?? []
        moreChunks = Array(chunks.dropFirst())
    }

    /// A response whose body is a file.
    package init(status: Int, headers: [(String, String)] = [], file: FileBody) {
        self.init(status: status, headers: headers)
        self.file = file
    }

    /// The length of what of the body is in memory.
    package var bodyLength: Int { moreChunks.reduce(body.count) { $0 + $1.count } }

    /// A JSON body that is rendered already.
    package static func json(_ bytes: [UInt8], status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, headers: jsonHeaders, body: bytes)
    }

    /// A JSON value.
    package static func json(_ value: JSONValue, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, headers: jsonHeaders, body: value.canonicalBytes())
    }

    /// The empty object that many endpoints answer.
    package static let emptyObject = HTTPResponse.json(Array("{}".utf8))

    /// > Any errors which occur at the Matrix API level MUST return a "standard error response".
    package static func matrixError(
        _ status: Int, _ errcode: String, _ message: String, extra: [(String, JSONValue)] = []
    ) -> HTTPResponse {
        MatrixError(status: status, errcode: errcode, message: message, extra: extra).response
    }

    private static let jsonHeaders = [("Content-Type", "application/json")]
}
