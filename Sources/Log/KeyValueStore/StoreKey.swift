/// A key built from fixed-width big-endian integers and strings, without touching the heap up to 64 bytes.
///
/// A longer key spills to an array instead of trapping; beyond 511 bytes `put` refuses it and a look-up finds nothing.
package struct StoreKey: Sendable, Hashable, StoreBytes, CustomStringConvertible {
    private static let inlineCapacity = 64
    private var inline: InlineArray<64, UInt8>
    private var inlineCount: Int
    private var spilled: [UInt8]?

    package init() {
        inline = InlineArray(repeating: 0)
        inlineCount = 0
        spilled = nil
    }

    /// A key of one number, as the log's positions are.
    package init(_ number: UInt64) {
        self.init()
        append(number)
    }

    package var count: Int { spilled?.count ?? inlineCount }

    package mutating func append(bytes: UnsafeRawBufferPointer) {
        if bytes.isEmpty { return }
        if spilled == nil, inlineCount + bytes.count <= Self.inlineCapacity {
            let offset = inlineCount
            withUnsafeMutableBytes(of: &inline) { buffer in
                UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<(offset + bytes.count)]).copyMemory(from: bytes)
            }
            inlineCount += bytes.count
            return
        }
        var array = spilled ?? withUnsafeBytes { Array($0) }
        array.append(contentsOf: bytes)
        spilled = array
    }

    package mutating func append(_ number: UInt8) { append(integer: number) }
    package mutating func append(_ number: UInt16) { append(integer: number.bigEndian) }
    package mutating func append(_ number: UInt32) { append(integer: number.bigEndian) }
    package mutating func append(_ number: UInt64) { append(integer: number.bigEndian) }

    package mutating func append(_ bytes: some StoreBytes) {
        bytes.withStoreBytes { append(bytes: $0) }
    }

    package consuming func appending(_ number: UInt8) -> StoreKey {
        append(number)
        return self
    }

    package consuming func appending(_ number: UInt16) -> StoreKey {
        append(number)
        return self
    }

    package consuming func appending(_ number: UInt32) -> StoreKey {
        append(number)
        return self
    }

    package consuming func appending(_ number: UInt64) -> StoreKey {
        append(number)
        return self
    }

    package consuming func appending(_ bytes: some StoreBytes) -> StoreKey {
        append(bytes)
        return self
    }

    private mutating func append<Number: FixedWidthInteger>(integer: Number) {
        Swift.withUnsafeBytes(of: integer) { append(bytes: $0) }
    }

    package func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        if let spilled {
            return try spilled.span.bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(E) -> R in
                try body(bytes)
            }
        }
        let count = inlineCount
        return try inline.span.bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(E) -> R in
            try body(UnsafeRawBufferPointer(rebasing: bytes[0..<count]))
        }
    }

    package func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try withUnsafeBytes(body)
    }

    package static func == (left: StoreKey, right: StoreKey) -> Bool {
        left.withUnsafeBytes { leftBytes in right.withUnsafeBytes { orderOfBytes(leftBytes, $0) == 0 } }
    }

    package func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    /// The bytes in hexadecimal, for messages.
    package var description: String {
        withUnsafeBytes { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}
