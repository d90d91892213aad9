/// Writes the numbers, strings and byte runs that `ByteReader` reads.
package struct ByteWriter: StoreBytes {
    package private(set) var bytes: [UInt8]

    package init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package var count: Int { bytes.count }

    /// Forgets what was written and keeps the room.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    private mutating func writeInteger<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func write(_ number: UInt8) { bytes.append(number) }
    package mutating func write(_ number: UInt16) { writeInteger(number) }
    package mutating func write(_ number: UInt32) { writeInteger(number) }
    package mutating func write(_ number: UInt64) { writeInteger(number) }
    package mutating func write(_ number: Int64) { writeInteger(number) }

    /// A number in seven-bit groups, least significant first.
    package mutating func writeVarint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    package mutating func writeBytes(_ source: some StoreBytes) {
        source.withStoreBytes { bytes.append(contentsOf: $0) }
    }

    /// The length, then the bytes.
    package mutating func writeFramed(_ source: some StoreBytes) {
        source.withStoreBytes { buffer in
            writeVarint(UInt64(buffer.count))
            bytes.append(contentsOf: buffer)
        }
    }

    package func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try bytes.withStoreBytes(body)
    }
}
