/// Strict percent-decoding of bytes that came from outside.
///
/// A broken escape, a NUL and bytes that are not UTF-8 are refused: what is decoded here becomes part of
/// identifiers and database keys, where a repaired or truncated string would name something else.
enum PercentDecoding {
    /// How a `+` is read: as itself in a path, as a space in a query.
    enum Plus { case literal, space }

    /// The decoded text, or nil if the bytes are not valid.
    static func decode(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, plus: Plus) -> String? {
        var needsWork = false
        for byte in bytes {
            if byte == 0 { return nil }
            if byte == percent || byte >= 0x80 || (byte == plusSign && plus == .space) { needsWork = true }
        }
        guard needsWork else { return String(decoding: bytes, as: UTF8.self) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            switch byte {
            case percent:
                guard bytes.distance(from: index, to: bytes.endIndex) >= 3,
                    let high = hexValue(bytes[index &+ 1]), let low = hexValue(bytes[index &+ 2])
                else { return nil }
                let value = high &<< 4 | low
                guard value != 0 else { return nil }
                decoded.append(value)
                index &+= 3
            case plusSign where plus == .space:
                decoded.append(0x20)
                index &+= 1
            default:
                decoded.append(byte)
                index &+= 1
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self), !holdsReplacement(decoded) else { return nil }
        return text
    }

    /// Whether the bytes hold U+FFFD: the HTTP decoder has put it where the request line was not UTF-8.
    private static func holdsReplacement(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 3 else { return false }
        for index in 0..<(bytes.count - 2)
        where bytes[index] == 0xEF && bytes[index + 1] == 0xBF && bytes[index + 2] == 0xBD {
            return true
        }
        return false
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }

    private static let percent = UInt8(ascii: "%")
    private static let plusSign = UInt8(ascii: "+")
}
