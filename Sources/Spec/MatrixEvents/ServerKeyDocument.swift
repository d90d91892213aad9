package import CanonicalJSON
package import MatrixIdentifiers

/// What a server publishes of its signing keys (`/_matrix/key/v2/server`), taken apart; nothing of it is verified here.
package struct ServerKeyDocument: Sendable, Hashable {
    /// A key with its identifier.
    package struct Key: Sendable, Hashable {
        /// The identifier, such as `ed25519:abc`.
        package let id: String
        /// The public key in Base64, as published.
        package let text: String
        /// Nil for one of `verify_keys`; the `expired_ts` of one of `old_verify_keys`.
        package let expired: Int64?
    }

    package let serverName: ServerName
    /// "POSIX timestamp in milliseconds when the list of valid keys should be refreshed."
    package let validUntil: Int64
    /// `verify_keys`, then `old_verify_keys`, in canonical order; a key that is in both counts as current.
    package let keys: [Key]
    /// The document as it was signed.
    package let object: JSONObject

    /// Of each kind; no server has so many.
    private static let mostKeys = 64
    private static let longestKeyID = 128
    private static let longestKey = 128

    /// Nil when a member that must be there is missing or of the wrong type. Keys of algorithms other than Ed25519 are
    /// left out.
    package init?(_ object: JSONObject) {
        guard let serverName = object["server_name"]?.stringValue.flatMap({ ServerName($0) }),
            let validUntil = object["valid_until_ts"]?.integerValue, validUntil >= 0,
            let current = object["verify_keys"]?.objectValue, current.count <= Self.mostKeys,
            object["signatures"]?.objectValue != nil
        else { return nil }
        var keys: [Key] = []
        for (id, value) in current {
            guard let text = Self.text(id, value) else { continue }
            keys.append(Key(id: id, text: text, expired: nil))
        }
        if let old = object["old_verify_keys"], !old.isNull {
            guard let old = old.objectValue, old.count <= Self.mostKeys else { return nil }
            for (id, value) in old {
                guard !current.contains(id), let text = Self.text(id, value),
                    let expired = value["expired_ts"]?.integerValue
                else { continue }
                keys.append(Key(id: id, text: text, expired: expired))
            }
        }
        self.serverName = serverName
        self.validUntil = validUntil
        self.keys = keys
        self.object = object
    }

    private static func text(_ id: String, _ value: JSONValue) -> String? {
        guard id.utf8.starts(with: "ed25519:".utf8), id.utf8.count <= longestKeyID, !id.utf8.contains(0),
            let text = value["key"]?.stringValue, text.utf8.count <= longestKey
        else { return nil }
        return text
    }
}
