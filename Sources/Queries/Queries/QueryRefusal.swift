/// A question that is answered with an error of the client-server API: expected, never a fault.
package struct QueryRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The HTTP status.
    package let status: Int
    package let errcode: String
    /// One sentence for a person.
    package let message: String

    package init(_ status: Int, _ errcode: String, _ message: String) {
        self.status = status
        self.errcode = errcode
        self.message = message
    }

    package var description: String { "\(errcode): \(message)" }

    static func forbidden(_ message: String) -> QueryRefusal { QueryRefusal(403, "M_FORBIDDEN", message) }
    static func notFound(_ message: String) -> QueryRefusal { QueryRefusal(404, "M_NOT_FOUND", message) }
    static func invalid(_ message: String) -> QueryRefusal { QueryRefusal(400, "M_INVALID_PARAM", message) }
    static func badJSON(_ message: String) -> QueryRefusal { QueryRefusal(400, "M_BAD_JSON", message) }

    /// The same words whether the room is unknown or closed to the asker: the answer does not tell which rooms exist.
    static let notInRoom = forbidden("You are not in this room, or it does not exist.")
}
