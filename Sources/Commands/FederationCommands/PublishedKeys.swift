package import CanonicalJSON
package import EventSigning
package import MatrixIdentifiers

/// This server's signing keys as it publishes them.
package struct PublishedKeys: Sendable {
    /// A key that signs no more.
    package struct OldKey: Sendable, Hashable {
        /// Such as `ed25519:abc`.
        package let id: String
        package let publicKey: [UInt8]
        package let expired: Int64

        package init(id: String, publicKey: [UInt8], expired: Int64) {
            self.id = id
            self.publicKey = publicKey
            self.expired = expired
        }
    }

    package let serverName: ServerName
    private let signingKey: SigningKey
    package let oldKeys: [OldKey]
    private let lifetimeMs: Int64

    /// "Originating servers should avoid returning responses that expire in less than an hour".
    private static let shortestLifetimeMs: Int64 = 3_600_000

    /// - Parameter lifetimeMs: `key_refresh_interval`.
    package init(
        serverName: ServerName, signingKey: SigningKey, oldKeys: [OldKey] = [], lifetimeMs: Int64 = 86_400_000
    ) {
        self.serverName = serverName
        self.signingKey = signingKey
        self.oldKeys = oldKeys.filter { $0.id != signingKey.keyID }
        self.lifetimeMs = max(lifetimeMs, Self.shortestLifetimeMs)
    }

    /// "Gets the homeserver's published signing keys."
    package func document(nowMs: Int64) throws(SigningError) -> JSONObject {
        var old = JSONObject()
        for key in oldKeys {
            old[key.id] = [
                "key": .string(UnpaddedBase64.encode(key.publicKey)), "expired_ts": .integer(key.expired),
            ]
        }
        let object: JSONObject = [
            "server_name": .string(serverName.rawValue),
            "verify_keys": [signingKey.keyID: ["key": .string(signingKey.publicKeyBase64)]],
            "old_verify_keys": .object(old),
            "valid_until_ts": .integer(nowMs + lifetimeMs),
        ]
        return try signed(object)
    }

    /// "The receiving (notary) server must sign the keys returned by the queried servers."
    package func signed(_ document: JSONObject) throws(SigningError) -> JSONObject {
        try JSONSigner.sign(object: document, name: serverName.rawValue, key: signingKey)
    }

    /// One of this server's own keys, with the `expired_ts` of one that signs no more.
    func key(_ id: String) -> (publicKey: [UInt8], expired: Int64?)? {
        if id == signingKey.keyID { return (signingKey.publicKey, nil) }
        return oldKeys.first { $0.id == id }.map { ($0.publicKey, $0.expired) }
    }
}
