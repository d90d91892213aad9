/// The zstd dictionary that this program compresses new records with, trained on records as a homeserver makes them.
enum ShippedDictionary {
    static let bytes: [UInt8] = decode(text)

    /// Base64 with padding; what is no letter of it is passed over.
    private static func decode(_ text: StaticString) -> [UInt8] {
        var values = [UInt8](repeating: 64, count: 256)
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, letter) in letters.utf8.enumerated() { values[Int(letter)] = UInt8(value) }
        return text.withUTF8Buffer { text in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.count / 4 * 3)
            var collected: UInt32 = 0
            var bits = 0
            for letter in text where values[Int(letter)] < 64 {
                collected = collected << 6 | UInt32(values[Int(letter)])
                bits += 6
                if bits >= 8 {
                    bits -= 8
                    bytes.append(UInt8(truncatingIfNeeded: collected >> UInt32(bits)))
                }
            }
            return bytes
        }
    }
}
