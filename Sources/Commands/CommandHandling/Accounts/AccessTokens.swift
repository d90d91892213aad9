import CSodium
import EventSigning

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
        purpose.rawValue + "_" + UnpaddedBase64.encodeURLSafe(randomBytes(32))
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
        UnpaddedBase64.encode(hash(token))
    }
}
