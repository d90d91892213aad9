package import CanonicalJSON

/// A command that will not be done, for a reason the caller can act on; the edge turns it into an `M_*` error.
package struct Rejection: Error, Sendable, Hashable {
    /// HTTP status.
    package let status: Int
    package let errcode: String
    package let message: String
    /// More members of the error object, such as `retry_after_ms`.
    package let extra: JSONObject

    package init(_ status: Int, _ errcode: String, _ message: String, extra: JSONObject = JSONObject()) {
        self.status = status
        self.errcode = errcode
        self.message = message
        self.extra = extra
    }

    package static func forbidden(_ message: String) -> Rejection { Rejection(403, "M_FORBIDDEN", message) }
    package static func notFound(_ message: String) -> Rejection { Rejection(404, "M_NOT_FOUND", message) }
    package static func badJSON(_ message: String) -> Rejection { Rejection(400, "M_BAD_JSON", message) }
    package static func invalidParam(_ message: String) -> Rejection { Rejection(400, "M_INVALID_PARAM", message) }
    package static func missingParam(_ message: String) -> Rejection { Rejection(400, "M_MISSING_PARAM", message) }
    package static func unknown(_ message: String) -> Rejection { Rejection(400, "M_UNKNOWN", message) }
    package static func tooLarge(_ message: String) -> Rejection { Rejection(413, "M_TOO_LARGE", message) }
}
