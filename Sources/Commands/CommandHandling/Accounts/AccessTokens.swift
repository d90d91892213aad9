import CSodium

/// Makes and hashes the secrets that stand for a login. Only hashes are ever stored.
package enum AccessTokens {
    /// What a secret is for; the prefix shows it, so that a leaked one can be recognised.
    package enum Purpose: String, Sendable {
        case access = "egm"
        case refresh = "egr"
        case login = "egl"
    }

    /// A fresh secret of 256 bits.
    package static func make(_ purpose: Purpose, randomBytes: (Int) -> [UInt8]) -> String {
        purpose.rawValue + "_" + Base64Text.encode(randomBytes(32), alphabet: Base64Text.urlSafe)
    }

    /// BLAKE2b-256 of a secret, under which its row is found.
    package static func hash(_ token: String) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        let input = Array(token.utf8)
        _ = crypto_generichash(&digest, digest.count, input, UInt64(input.count), nil, 0)
        return digest
    }

    /// The hash in unpadded base64, as the log stores it.
    package static func hashText(_ token: String) -> String {
        Base64Text.encode(hash(token), alphabet: Base64Text.standard)
    }
}

/// Unpadded base64.
package enum Base64Text {
    package static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    package static let urlSafe = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func encode(_ bytes: [UInt8], alphabet: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 4 / 3 + 3)
        var accumulator: UInt32 = 0
        var bits = 0
        for byte in bytes {
            accumulator = accumulator << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(accumulator >> UInt32(bits)) & 63])
            }
            accumulator &= 0x3F
        }
        if bits > 0 { text.append(alphabet[Int(accumulator << UInt32(6 - bits)) & 63]) }
        return String(decoding: text, as: UTF8.self)
    }
}
