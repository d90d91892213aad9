/// Why something could not be signed, or a key not be made.
package enum SigningError: Error, Sendable, Hashable {
    /// A seed is not 32 bytes, or a key file not what the format says.
    case malformedKey(String)
    /// A member that signing needs is absent or of the wrong type.
    case malformedObject(String)
    /// The library refused to work.
    case libraryFailure
}

extension SigningError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformedKey(let reason): "the signing key is malformed: \(reason)"
        case .malformedObject(let member): "\(member) is missing or of the wrong type"
        case .libraryFailure: "the cryptographic library failed"
        }
    }
}
