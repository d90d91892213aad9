import CanonicalJSON

/// Finds members in canonical JSON by skipping over values, without building anything.
///
/// The bytes are the log's own, so nothing is judged here; on anything but canonical JSON members are missing or cut wrong,
/// and no access leaves the bytes.
struct CanonicalScan {
    let bytes: UnsafeBufferPointer<UInt8>

    /// Visits the members of the object that begins at `start`: the key without its quotes, and its value.
    @inline(__always)
    func forEachMember(of start: Int, _ body: (UnsafeBufferPointer<UInt8>, Range<Int>) -> Void) {
        guard byte(start) == UInt8(ascii: "{") else { return }
        var index = start + 1
        while byte(index) == UInt8(ascii: "\""), let keyEnd = endOfString(index) {
            guard byte(keyEnd) == UInt8(ascii: ":"), let valueEnd = endOfValue(keyEnd + 1) else { return }
            body(UnsafeBufferPointer(rebasing: bytes[(index + 1)..<(keyEnd - 1)]), (keyEnd + 1)..<valueEnd)
            guard byte(valueEnd) == UInt8(ascii: ",") else { return }
            index = valueEnd + 1
        }
    }

    /// Visits the elements of the array that begins at `start`.
    func forEachElement(of start: Int, _ body: (Range<Int>) -> Void) {
        guard byte(start) == UInt8(ascii: "[") else { return }
        var index = start + 1
        while byte(index) != UInt8(ascii: "]"), let end = endOfValue(index) {
            body(index..<end)
            guard byte(end) == UInt8(ascii: ",") else { return }
            index = end + 1
        }
    }

    @inline(__always)
    func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    /// Behind the closing quote of the string whose opening quote is at `start`.
    @inline(__always)
    private func endOfString(_ start: Int) -> Int? {
        var index = start + 1
        let raw = UnsafeRawBufferPointer(bytes)
        while index + 8 <= raw.count {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let found = Self.zeroBytes(word ^ 0x2222_2222_2222_2222) | Self.zeroBytes(word ^ 0x5c5c_5c5c_5c5c_5c5c)
            if found == 0 {
                index += 8
                continue
            }
            // The lowest marked byte is exact; higher ones may be marked by the borrow.
            index += found.trailingZeroBitCount >> 3
            if bytes[index] == UInt8(ascii: "\"") { return index + 1 }
            index += 2
        }
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""): return index + 1
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    @inline(__always)
    private static func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    /// Behind the value that begins at `start`.
    private func endOfValue(_ start: Int) -> Int? {
        switch byte(start) {
        case UInt8(ascii: "\""): return endOfString(start)
        case UInt8(ascii: "{"), UInt8(ascii: "["): return endOfContainer(start)
        default:
            var index = start
            while index < bytes.count {
                let byte = bytes[index]
                if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { break }
                index += 1
            }
            return index
        }
    }

    private func endOfContainer(_ start: Int) -> Int? {
        var depth = 0
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                guard let end = endOfString(index) else { return nil }
                index = end
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return index + 1 }
            default: break
            }
            index += 1
        }
        return nil
    }

    // MARK: - Values

    func slice(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: bytes[range]) }

    /// The string at a range, quotes included; nil when it is none.
    func string(_ range: Range<Int>) -> String? {
        guard range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
        let inner = slice((range.lowerBound + 1)..<(range.upperBound - 1))
        if Self.isPlainASCII(inner) { return String(decoding: inner, as: UTF8.self) }
        do throws(JSONError) {
            return try JSONValue.parse(Array(bytes[range]), limits: .stored).stringValue
        } catch {
            return nil
        }
    }

    /// Whether there is neither a byte above 0x7f nor a backslash.
    @inline(__always)
    private static func isPlainASCII(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let raw = UnsafeRawBufferPointer(text)
        var index = 0
        while index + 8 <= raw.count {
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if word & 0x8080_8080_8080_8080 != 0 || zeroBytes(word ^ 0x5c5c_5c5c_5c5c_5c5c) != 0 { return false }
            index += 8
        }
        while index < raw.count {
            if raw[index] > 0x7f || raw[index] == UInt8(ascii: "\\") { return false }
            index += 1
        }
        return true
    }

    /// The integer at a range; nil when it is none.
    func integer(_ range: Range<Int>) -> Int64? {
        var index = range.lowerBound
        let isNegative = byte(index) == UInt8(ascii: "-")
        if isNegative { index += 1 }
        guard index < range.upperBound, range.upperBound - index <= 19 else { return nil }
        var value: Int64 = 0
        while index < range.upperBound {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, wrapped) = product.addingReportingOverflow(Int64(digit))
            guard !overflowed, !wrapped else { return nil }
            value = sum
            index += 1
        }
        return isNegative ? -value : value
    }

    /// Whether a range is exactly this text.
    @inline(__always)
    func `is`(_ range: Range<Int>, _ text: StaticString) -> Bool { Self.equal(slice(range), text) }

    @inline(__always)
    static func equal(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { other in
            for index in 0..<bytes.count where bytes[index] != other[index] { return false }
            return true
        }
    }
}
