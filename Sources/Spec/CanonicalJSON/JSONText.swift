/// The spelling of single JSON tokens, in the shortest form as canonical JSON wants it.
enum JSONText {
    /// Appends a quoted string.
    static func append(_ string: String, to bytes: inout [UInt8]) {
        string.withUTF8Bytes { append(quoting: $0, to: &bytes) }
    }

    /// Appends UTF-8 bytes as a quoted string.
    @inline(always)
    static func append(quoting text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        appendContents(of: text, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends the inside of a string: runs that need no escape at once, the others one by one.
    static func appendContents(of text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        var runStart = 0
        var index = 0
        while index < text.count {
            index = endOfPlainRun(in: text, from: index)
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[runStart..<index]))
            guard index < text.count else { return }
            appendEscape(of: text[index], to: &bytes)
            index &+= 1
            runStart = index
        }
    }

    /// The offset of the first byte from `start` on that must be escaped, or the end.
    @inline(always)
    private static func endOfPlainRun(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        guard let base = UnsafeRawPointer(text.baseAddress) else { return text.count }
        while index &+ 8 <= text.count {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let hits = BytePattern.escapable(word)
            if hits != 0 { return index &+ hits.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < text.count {
            let byte = text[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return index }
            index &+= 1
        }
        return index
    }

    /// Appends the escape of one byte below 0x20, a quotation mark or a reverse solidus.
    static func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        default:
            // "All ASCII control characters which do not have dedicated escape sequences": u000X or u001X, lower case.
            let low = byte & 0xF
            bytes.append(UInt8(ascii: "u"))
            bytes.append(UInt8(ascii: "0"))
            bytes.append(UInt8(ascii: "0"))
            bytes.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            bytes.append(low < 10 ? UInt8(ascii: "0") &+ low : UInt8(ascii: "a") &+ (low &- 10))
        }
    }

    /// Appends an integer in decimal.
    static func append(_ value: Int64, to bytes: inout [UInt8]) {
        var magnitude = value.magnitude
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        if magnitude < 10 {
            bytes.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: magnitude))
            return
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            repeat {
                start &-= 1
                digits[start] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: magnitude % 10)
                magnitude /= 10
            } while magnitude != 0 && start > 0
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[start..<20]))
        }
    }

    /// Appends a double: an integer in ±(2^53 - 1) without exponent or fraction, else the shortest that reads back.
    ///
    /// What JSON cannot write (infinities, not-a-number) becomes `null`, as in JavaScript.
    static func append(_ value: Double, to bytes: inout [UInt8]) {
        // Not `Int64(exactly:)`, which calls `trunc` and would make a program without Foundation link the maths library.
        if value.magnitude <= Double(SourceText.exactIntegers.upperBound), Double(Int64(value)) == value {
            append(Int64(value), to: &bytes)
        } else if value.isFinite {
            bytes.append(contentsOf: value.description.utf8)
        } else {
            bytes.append(contentsOf: "null".utf8)
        }
    }
}

/// Looks at eight bytes of text at once.
enum BytePattern {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Marks the high bit of each byte that is a control character, `"`, `\`.
    ///
    /// Only the lowest mark is exact: a borrow may mark bytes above it.
    @inline(always)
    static func escapable(_ word: UInt64) -> UInt64 {
        let control = word &- (ones &* 0x20)
        let quote = (word ^ (ones &* 0x22)) &- ones
        let solidus = (word ^ (ones &* 0x5C)) &- ones
        return (control | quote | solidus) & ~word & highBits
    }

    /// As ``escapable(_:)``, and marks every byte that is no ASCII.
    @inline(always)
    static func special(_ word: UInt64) -> UInt64 {
        let control = word &- (ones &* 0x20)
        let quote = (word ^ (ones &* 0x22)) &- ones
        let solidus = (word ^ (ones &* 0x5C)) &- ones
        return (control | quote | solidus | word) & highBits
    }
}
