/// Writes the binary framing of ``PDURecorded``.
struct PayloadWriter {
    var bytes: [UInt8]

    init(capacity: Int) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func string(_ value: String) {
        var copy = value
        copy.withUTF8 { utf8 in
            varint(UInt64(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }
}

/// Reads what ``PayloadWriter`` wrote; every read is checked.
struct PayloadReader {
    private let bytes: [UInt8]
    private var offset = 0
    private let kind: String

    init(_ bytes: [UInt8], kind: String) {
        self.bytes = bytes
        self.kind = kind
    }

    private func short() -> PayloadError { PayloadError(kind: kind, reason: "ends too early, at byte \(offset)") }

    mutating func byte() throws(PayloadError) -> UInt8 {
        guard offset < bytes.count else { throw short() }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func varint() throws(PayloadError) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 63 else { throw PayloadError(kind: kind, reason: "number too long, at byte \(offset)") }
            result |= UInt64(next & 0x7f) << shift
            if next & 0x80 == 0 { return result }
            shift += 7
        }
    }

    mutating func string() throws(PayloadError) -> String {
        let length = try varint()
        guard length <= UInt64(bytes.count - offset) else { throw short() }
        let end = offset + Int(length)
        defer { offset = end }
        let text = bytes.withUnsafeBufferPointer { buffer -> String? in
            let slice = UnsafeBufferPointer(rebasing: buffer[offset..<end])
            // Almost every string is ASCII, which needs no general validation.
            if slice.allSatisfy({ $0 < 0x80 }) { return String(decoding: slice, as: UTF8.self) }
            return String(validating: slice, as: UTF8.self)
        }
        guard let text else {
            throw PayloadError(kind: kind, reason: "text is not UTF-8, at byte \(offset)")
        }
        return text
    }

    var remaining: Int { bytes.count - offset }

    func rest() -> [UInt8] { Array(bytes[offset...]) }
}
