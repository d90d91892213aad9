internal import CSodium

/// The cryptographic library, made ready once.
enum Sodium {
    /// Whether the library could be initialised, which picks the fastest implementations and opens the random source.
    static let isReady = sodium_init() >= 0

    static let seedBytes = 32
    static let publicKeyBytes = 32
    static let secretKeyBytes = 64
    static let signatureBytes = 64
}

/// SHA-256.
package enum SHA256 {
    /// The 32-byte digest of `bytes`.
    package static func digest(of bytes: [UInt8]) -> [UInt8] {
        _ = Sodium.isReady
        return [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            bytes.withUnsafeBufferPointer { input in
                if let target = output.baseAddress {
                    _ = crypto_hash_sha256(target, input.baseAddress, UInt64(input.count))
                }
            }
            count = 32
        }
    }
}
