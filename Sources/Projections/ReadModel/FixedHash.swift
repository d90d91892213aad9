import CSodium

/// Hashes that never change, because keys on disk are made of them.
package enum FixedHash {
    /// A quick hash of 64 bits. Not safe against chosen collisions: whoever looks up by it compares the whole text too.
    package static func short(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: bytes.count) ^ 0x9e37_79b9_7f4a_7c15
        var offset = 0
        while bytes.count - offset >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            hash = fold(hash ^ word, 0xa076_1d64_78bd_642f)
            offset += 8
        }
        var tail: UInt64 = 0
        for index in offset..<bytes.count { tail = tail << 8 | UInt64(bytes[index]) }
        return fold(hash ^ tail, 0xe703_7ed1_a0b4_28db)
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    package static func short(_ text: String) -> UInt64 {
        var copy = text
        return copy.withUTF8 { short(UnsafeRawBufferPointer($0)) }
    }

    /// BLAKE2b of the parts, each with its length before it, cut to `size` bytes (16 to 64).
    package static func strong(_ parts: [String], size: Int) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(parts.reduce(0) { $0 + $1.utf8.count + 4 })
        for part in parts {
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: part.utf8.count).bigEndian) { input.append(contentsOf: $0) }
            input.append(contentsOf: part.utf8)
        }
        return strong(input, size: size)
    }

    /// BLAKE2b of some bytes, cut to `size` bytes (16 to 64).
    package static func strong(_ input: [UInt8], size: Int) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: size)
        crypto_generichash(&digest, size, input, UInt64(input.count), nil, 0)
        return digest
    }
}
