/// Base64 without padding, as Matrix writes all binary values in JSON.
package enum UnpaddedBase64 {
    /// Encodes with the alphabet of RFC 4648, section 4.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String { encode(bytes, alphabet: standardAlphabet) }

    /// Encodes with `-` and `_` for the 62nd and 63rd character, as event IDs from v4 on are.
    package static func encodeURLSafe(_ bytes: some Sequence<UInt8>) -> String {
        encode(bytes, alphabet: urlSafeAlphabet)
    }

    /// Decodes either alphabet, with or without padding; nil when the text is no Base64.
    ///
    /// "When decoding Base64, implementations SHOULD accept input with or without padding characters wherever possible,
    /// to ensure maximum interoperability."
    package static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count &* 3 / 4)
        var accumulator: UInt32 = 0
        var bitCount = 0
        var padding = 0
        var characters = 0
        for character in text.utf8 {
            if character == UInt8(ascii: "=") {
                padding &+= 1
                continue
            }
            let value = values[Int(character)]
            guard padding == 0, value < 64 else { return nil }
            characters &+= 1
            accumulator = (accumulator << 6 | UInt32(value)) & 0xFFFF
            bitCount &+= 6
            if bitCount >= 8 {
                bitCount &-= 8
                bytes.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bitCount)))
            }
        }
        // One character alone holds six bits, which are no byte; padding can only fill up a group of four.
        guard characters % 4 != 1, padding == 0 || (padding <= 2 && (characters &+ padding) % 4 == 0) else {
            return nil
        }
        return bytes
    }

    private static func encode(_ bytes: some Sequence<UInt8>, alphabet: [UInt8]) -> String {
        let input = Array(bytes)
        return String(unsafeUninitializedCapacity: (input.count &* 4 &+ 2) / 3) { output in
            var written = 0
            var index = 0
            func put(_ sextet: UInt32) {
                output[written] = alphabet[Int(sextet & 63)]
                written &+= 1
            }
            while index &+ 3 <= input.count {
                let group = UInt32(input[index]) << 16 | UInt32(input[index &+ 1]) << 8 | UInt32(input[index &+ 2])
                put(group >> 18)
                put(group >> 12)
                put(group >> 6)
                put(group)
                index &+= 3
            }
            switch input.count &- index {
            case 1:
                let group = UInt32(input[index]) << 16
                put(group >> 18)
                put(group >> 12)
            case 2:
                let group = UInt32(input[index]) << 16 | UInt32(input[index &+ 1]) << 8
                put(group >> 18)
                put(group >> 12)
                put(group >> 6)
            default: break
            }
            return written
        }
    }

    private static let standardAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlSafeAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The sextet of each character of either alphabet; 255 for every other byte.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for alphabet in [standardAlphabet, urlSafeAlphabet] {
            for (sextet, character) in alphabet.enumerated() { table[Int(character)] = UInt8(sextet) }
        }
        return table
    }()
}
