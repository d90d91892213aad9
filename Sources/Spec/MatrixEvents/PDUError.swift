/// Why an object is no valid PDU of its room version ("Is a valid event, otherwise it is dropped").
package enum PDUError: Error, Sendable, Hashable {
    /// The bytes are no JSON; what the parser said.
    case notJSON(String)
    /// The bytes are JSON, but no object.
    case notAnObject
    /// A number is no integer in ±(2^53 - 1), and the room version enforces canonical JSON.
    case notCanonical
    /// A required member is absent.
    case missing(String)
    /// A member has the wrong JSON type.
    case wrongType(String)
    /// A member that must be an identifier is none.
    case invalidIdentifier(String)
    /// An integer is outside its range.
    case outOfRange(String)
    /// An array has more elements than allowed.
    case tooMany(String)
    /// A member, or with `event` the whole event, has more bytes than allowed.
    case tooLarge(String)

    /// Whether the event breaks a size limit, for which clients get `M_TOO_LARGE`.
    package var isTooLarge: Bool {
        if case .tooLarge = self { return true }
        return false
    }
}

extension PDUError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notJSON(let reason): reason
        case .notAnObject: "it is not a JSON object"
        case .notCanonical: "it has a number that is not an integer between -(2^53)+1 and (2^53)-1"
        case .missing(let member): "\(member) is missing"
        case .wrongType(let member): "\(member) is of the wrong type"
        case .invalidIdentifier(let member): "\(member) is not a valid identifier"
        case .outOfRange(let member): "\(member) is out of range"
        case .tooMany(let member): "\(member) has too many elements"
        case .tooLarge(let member): "\(member) is larger than allowed"
        }
    }
}
