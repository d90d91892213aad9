/// Why a JSON text was refused, and at which byte.
package enum JSONError: Error, Hashable, Sendable {
    case tooLarge(byteCount: Int, limit: Int)
    case tooDeep(offset: Int)
    case tooManyValues(offset: Int)
    case unexpectedEnd(offset: Int)
    case unexpectedByte(UInt8, offset: Int)
    case trailingBytes(offset: Int)
    case invalidNumber(offset: Int)
    case numberOutOfRange(offset: Int)
    case invalidEscape(offset: Int)
    case loneSurrogate(offset: Int)
    case invalidUTF8(offset: Int)
    case controlCharacter(offset: Int)

    /// The offset of the offending byte.
    package var offset: Int {
        switch self {
        case .tooLarge(_, let limit): limit
        case .tooDeep(let offset), .tooManyValues(let offset), .unexpectedEnd(let offset),
            .unexpectedByte(_, let offset), .trailingBytes(let offset), .invalidNumber(let offset),
            .numberOutOfRange(let offset), .invalidEscape(let offset), .loneSurrogate(let offset),
            .invalidUTF8(let offset), .controlCharacter(let offset):
            offset
        }
    }

    /// One sentence for the sender of the text.
    package var message: String {
        switch self {
        case .tooLarge(let byteCount, let limit): "The JSON has \(byteCount) bytes; at most \(limit) are accepted."
        case .tooDeep(let offset): "The JSON is nested too deeply at byte \(offset)."
        case .tooManyValues(let offset): "The JSON has too many values, counted up to byte \(offset)."
        case .unexpectedEnd: "The JSON ends too early."
        case .unexpectedByte(let byte, let offset): "The JSON has an unexpected byte \(byte) at byte \(offset)."
        case .trailingBytes(let offset): "The JSON value is followed by something else at byte \(offset)."
        case .invalidNumber(let offset): "The JSON has a number that is not allowed here at byte \(offset)."
        case .numberOutOfRange(let offset): "The JSON has a number out of range at byte \(offset)."
        case .invalidEscape(let offset): "The JSON has an invalid escape in a string at byte \(offset)."
        case .loneSurrogate(let offset): "The JSON has half of a surrogate pair at byte \(offset)."
        case .invalidUTF8(let offset): "The JSON is not valid UTF-8 at byte \(offset)."
        case .controlCharacter(let offset): "The JSON has a raw control character in a string at byte \(offset)."
        }
    }
}
