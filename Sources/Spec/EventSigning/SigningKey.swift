internal import CSodium

/// A server's Ed25519 key pair with its key identifier.
package struct SigningKey: Sendable {
    /// The signing key identifier, such as `ed25519:a_abcd`.
    package let keyID: String
    /// 32 bytes.
    package let publicKey: [UInt8]
    /// The 32 bytes from which both keys are made; it is the secret.
    package let seed: [UInt8]
    private let secretKey: [UInt8]

    /// Makes the key pair of a seed.
    package init(seed: [UInt8], keyID: String) throws(SigningError) {
        guard Sodium.isReady else { throw .libraryFailure }
        guard seed.count == Sodium.seedBytes else { throw .malformedKey("the seed is not 32 bytes") }
        guard Self.isValid(keyID: keyID) else { throw .malformedKey("the identifier is not ed25519:version") }
        var publicKey = [UInt8](repeating: 0, count: Sodium.publicKeyBytes)
        var secretKey = [UInt8](repeating: 0, count: Sodium.secretKeyBytes)
        guard crypto_sign_ed25519_seed_keypair(&publicKey, &secretKey, seed) == 0 else { throw .libraryFailure }
        self.init(keyID: keyID, publicKey: publicKey, seed: seed, secretKey: secretKey)
    }

    private init(keyID: String, publicKey: [UInt8], seed: [UInt8], secretKey: [UInt8]) {
        self.keyID = keyID
        self.publicKey = publicKey
        self.seed = seed
        self.secretKey = secretKey
    }

    /// Makes a new key pair.
    ///
    /// - Parameter version: what stands behind `ed25519:`; characters that the grammar does not know become `_`.
    package static func generate(version: String) -> SigningKey {
        _ = Sodium.isReady
        var seed = [UInt8](repeating: 0, count: Sodium.seedBytes)
        randombytes_buf(&seed, seed.count)
        var publicKey = [UInt8](repeating: 0, count: Sodium.publicKeyBytes)
        var secretKey = [UInt8](repeating: 0, count: Sodium.secretKeyBytes)
        _ = crypto_sign_ed25519_seed_keypair(&publicKey, &secretKey, seed)
        let cleaned = String(
            decoding: version.utf8.map { isVersionCharacter($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        return SigningKey(
            keyID: "ed25519:" + (cleaned.isEmpty ? "auto" : cleaned),
            publicKey: publicKey,
            seed: seed,
            secretKey: secretKey
        )
    }

    /// The public key as it stands in `verify_keys`.
    package var publicKeyBase64: String { UnpaddedBase64.encode(publicKey) }

    /// The signature, 64 bytes.
    package func signature(of message: [UInt8]) throws(SigningError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Sodium.signatureBytes)
        let result = crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), secretKey)
        guard result == 0 else { throw .libraryFailure }
        return signature
    }

    private static func isValid(keyID: String) -> Bool {
        let version = keyID.utf8.dropFirst("ed25519:".utf8.count)
        return keyID.utf8.starts(with: "ed25519:".utf8) && !version.isEmpty && version.allSatisfy(isVersionCharacter)
    }

    /// A key's version "must match the regular expression `[a-zA-Z0-9_]`"; `-` and `.` are met in practice.
    private static func isVersionCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
