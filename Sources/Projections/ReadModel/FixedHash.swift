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

    /// BLAKE2b of the parts, each with its length before it, cut to 16 bytes.
    package static func pair(_ parts: String...) -> (UInt64, UInt64) {
        var size = 0
        for part in parts { size += part.utf8.count + 4 }
        return withUnsafeTemporaryAllocation(byteCount: size + 16, alignment: 8) { buffer in
            var offset = 16
            for var part in parts {
                part.withUTF8 { utf8 in
                    let length = UInt32(truncatingIfNeeded: utf8.count).bigEndian
                    buffer.storeBytes(of: length, toByteOffset: offset, as: UInt32.self)
                    offset += 4
                    guard let source = utf8.baseAddress, let target = buffer.baseAddress else { return }
                    (target + offset).copyMemory(from: source, byteCount: utf8.count)
                    offset += utf8.count
                }
            }
            guard let base = buffer.baseAddress else { return (0, 0) }
            let input = base.assumingMemoryBound(to: UInt8.self)
            crypto_generichash(input, 16, input + 16, UInt64(size), nil, 0)
            return (
                UInt64(bigEndian: buffer.load(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: buffer.load(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }

    /// BLAKE2b of some bytes, cut to `size` bytes (16 to 64).
    package static func strong(_ input: [UInt8], size: Int) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: size)
        crypto_generichash(&digest, size, input, UInt64(input.count), nil, 0)
        return digest
    }
}
