/// Stored bytes that do not decode.
package enum ByteFault: Error, Sendable, Hashable {
    /// The bytes end before the value does.
    case truncated
    /// A variable-length number is longer than ten bytes or does not fit.
    case numberTooLarge
    /// A string is not valid UTF-8.
    case invalidText
    /// Bytes are left over after the last value.
    case trailingBytes
}

/// Reads numbers, strings and byte runs from stored bytes; every step is checked.
///
/// It borrows the buffer it was given and is only valid as long as that is.
package struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    package private(set) var offset = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    package var remaining: Int { bytes.count - offset }

    @inline(__always)
    private mutating func readInteger<Number: FixedWidthInteger>(_ type: Number.Type) throws(ByteFault) -> Number {
        guard remaining >= MemoryLayout<Number>.size else { throw .truncated }
        let number = bytes.loadUnaligned(fromByteOffset: offset, as: type)
        offset += MemoryLayout<Number>.size
        return Number(bigEndian: number)
    }

    package mutating func readUInt8() throws(ByteFault) -> UInt8 { try readInteger(UInt8.self) }
    package mutating func readUInt16() throws(ByteFault) -> UInt16 { try readInteger(UInt16.self) }
    package mutating func readUInt32() throws(ByteFault) -> UInt32 { try readInteger(UInt32.self) }
    package mutating func readUInt64() throws(ByteFault) -> UInt64 { try readInteger(UInt64.self) }
    package mutating func readInt64() throws(ByteFault) -> Int64 { try readInteger(Int64.self) }

    /// A number in seven-bit groups, least significant first.
    package mutating func readVarint() throws(ByteFault) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readUInt8()
            // The tenth byte holds the last single bit of a 64-bit number.
            if shift == 63, byte > 1 { throw .numberTooLarge }
            result |= UInt64(byte & 0x7f) &<< shift
            if byte & 0x80 == 0 { return result }
            shift += 7
            if shift > 63 { throw .numberTooLarge }
        }
    }

    /// The next `count` bytes, without copying them.
    package mutating func readSlice(count: Int) throws(ByteFault) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw .truncated }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
        offset += count
        return slice
    }

    package mutating func readBytes(count: Int) throws(ByteFault) -> [UInt8] {
        Array(try readSlice(count: count))
    }

    /// A byte run that begins with its length.
    package mutating func readFramedSlice() throws(ByteFault) -> UnsafeRawBufferPointer {
        let length = try readVarint()
        guard length <= UInt64(remaining) else { throw .truncated }
        return try readSlice(count: Int(length))
    }

    package mutating func readFramedBytes() throws(ByteFault) -> [UInt8] {
        Array(try readFramedSlice())
    }

    /// A string that begins with its length.
    package mutating func readFramedString() throws(ByteFault) -> String {
        try Self.string(try readFramedSlice())
    }

    /// Everything that is left, without copying it.
    package mutating func readRest() -> UnsafeRawBufferPointer {
        let slice = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        offset = bytes.count
        return slice
    }

    package func expectEnd() throws(ByteFault) {
        if remaining != 0 { throw .trailingBytes }
    }

    package static func string(_ bytes: UnsafeRawBufferPointer) throws(ByteFault) -> String {
        // Almost every stored string is ASCII, which needs no general validation.
        if isASCII(bytes) { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes.bindMemory(to: UInt8.self), as: UTF8.self) else {
            throw .invalidText
        }
        return text
    }

    private static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if word & 0x8080_8080_8080_8080 != 0 { return false }
            index &+= 8
        }
        while index < bytes.count {
            if bytes[index] >= 0x80 { return false }
            index &+= 1
        }
        return true
    }
}
