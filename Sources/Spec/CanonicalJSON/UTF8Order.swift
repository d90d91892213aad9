/// Order of byte strings: by bytes, which for UTF-8 is the order of code points.
///
/// `String ==` follows Unicode canonical equivalence, so that a composed and a decomposed é are equal; as JSON keys they
/// are two keys.
enum UTF8Order {
    /// Negative, zero or positive as `left` sorts before, equals or sorts behind `right`.
    @inline(always)
    static func compare(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
        let shared = min(left.count, right.count)
        var index = 0
        if shared > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
            let leftRaw = UnsafeRawPointer(leftBase)
            let rightRaw = UnsafeRawPointer(rightBase)
            while index &+ 8 <= shared {
                let one = leftRaw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let other = rightRaw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if one != other { return one.bigEndian < other.bigEndian ? -1 : 1 }
                index &+= 8
            }
            while index < shared {
                let one = leftBase[index]
                let other = rightBase[index]
                if one != other { return one < other ? -1 : 1 }
                index &+= 1
            }
        }
        return left.count &- right.count
    }

    /// The first eight bytes of a piece of text as a number that sorts as they do.
    ///
    /// Shorter pieces are padded with zeros, which no JSON text contains.
    @inline(always)
    static func prefix(of text: UnsafeBufferPointer<UInt8>, at start: Int, length: Int) -> UInt64 {
        guard let base = text.baseAddress else { return 0 }
        if start &+ 8 <= text.count {
            let word = UnsafeRawPointer(base).loadUnaligned(fromByteOffset: start, as: UInt64.self).bigEndian
            return length >= 8 ? word : word & ~(UInt64.max &>> UInt64(truncatingIfNeeded: length &* 8))
        }
        var prefix: UInt64 = 0
        for offset in 0..<8 { prefix = prefix << 8 | (offset < length ? UInt64(base[start &+ offset]) : 0) }
        return prefix
    }

    /// Compares two strings by their UTF-8 bytes.
    @inline(always)
    static func compare(_ left: String, _ right: String) -> Int {
        left.withUTF8Bytes { leftBytes in right.withUTF8Bytes { compare(leftBytes, $0) } }
    }

    /// Whether two strings have the same UTF-8 bytes.
    @inline(always)
    static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && compare(left, right) == 0
    }

    /// Feeds the bytes of `string` to `hasher` with an end mark that UTF-8 cannot contain.
    static func hash(_ string: String, into hasher: inout Hasher) {
        string.withUTF8Bytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }
}

extension String {
    /// Lends the UTF-8 bytes, which are contiguous for every native string.
    @inline(always)
    func withUTF8Bytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return copy.withUTF8(body)
    }
}
