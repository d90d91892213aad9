import CanonicalJSON

/// A standard error response, thrown by handlers.
package struct MatrixError: Error, Sendable {
    package var status: Int
    package var errcode: String
    package var message: String
    /// Further members of the body, such as `soft_logout`.
    package var extra: [(String, JSONValue)]
    /// Further header fields, such as `Retry-After`.
    package var headers: [(String, String)]

    package init(
        status: Int, errcode: String, message: String, extra: [(String, JSONValue)] = [],
        headers: [(String, String)] = []
    ) {
        self.status = status
        self.errcode = errcode
        self.message = message
        self.extra = extra
        self.headers = headers
    }

    /// > The keys `error` and `errcode` MUST always be present.
    package var response: HTTPResponse {
        let members = extra + [("errcode", .string(errcode)), ("error", .string(message))]
        var response = HTTPResponse.json(.object(JSONObject(members)), status: status)
        response.headers += headers
        return response
    }

    /// > The server did not understand the request. This is expected to be returned with a 404 HTTP status code if the
    /// > endpoint is not implemented or a 405 HTTP status code if the endpoint is implemented, but the incorrect HTTP
    /// > method is used.
    package static let unrecognizedPath = MatrixError(
        status: 404, errcode: "M_UNRECOGNIZED", message: "Unrecognized request")

    /// The path is known, the method is not.
    package static let unrecognizedMethod = MatrixError(
        status: 405, errcode: "M_UNRECOGNIZED", message: "Unrecognized request method")

    /// The body or the header is larger than the route allows.
    package static let tooLarge = MatrixError(
        status: 413, errcode: "M_TOO_LARGE", message: "The request body is too large")

    /// A refusal that says when to come again.
    ///
    /// > Homeservers SHOULD include a `Retry-After` header for any response with a 429 status code. The
    /// > `retry_after_ms` property MAY be included as a fallback.
    package static func limitExceeded(
        retryAfterMilliseconds: Int64, status: Int = 429, message: String = "Too Many Requests"
    ) -> MatrixError {
        let milliseconds = max(1, retryAfterMilliseconds)
        let seconds = (milliseconds - 1) / 1000 + 1
        return MatrixError(
            status: status, errcode: "M_LIMIT_EXCEEDED", message: message,
            extra: [("retry_after_ms", .integer(milliseconds))], headers: [("Retry-After", String(seconds))])
    }

    /// The server has more to do than it can: its pool or its memory for bodies is full.
    package static let overloaded = MatrixError.limitExceeded(
        retryAfterMilliseconds: 1000, status: 503, message: "The server is overloaded")

    /// A fault of ours; what it was is in the log under the request's id.
    package static func internalFault(requestID: String) -> MatrixError {
        MatrixError(status: 500, errcode: "M_UNKNOWN", message: "Internal server error (request \(requestID))")
    }
}
