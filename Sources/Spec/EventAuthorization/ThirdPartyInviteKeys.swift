package import CanonicalJSON
internal import EventSigning

/// The keys that an `m.room.third_party_invite` names, with which the identity server proves who was invited.
package struct ThirdPartyInviteKeys: Sendable {
    /// A key, and where to ask whether it is still valid.
    package struct Key: Sendable, Hashable {
        package let publicKey: [UInt8]
        package let validityURL: String?
    }

    package let keys: [Key]

    /// Reads the content of the event; entries that are no keys are left out.
    package init(content: JSONObject) {
        // "A single public key in the `public_key` property."
        var keys = [Self.key(content["public_key"], content["key_validity_url"])]
        // "A list of public keys in the `public_keys` property."
        for entry in content["public_keys"]?.arrayValue ?? [] {
            keys.append(Self.key(entry["public_key"], entry["key_validity_url"]))
        }
        self.keys = keys.compactMap { $0 }
    }

    /// Whether one of the keys signed the object, which has `mxid` and `token`.
    ///
    /// "If any signature in `signed` matches any public key in the `m.room.third_party_invite` event, allow."
    package func signed(_ object: JSONObject) -> Bool {
        SignatureVerifier.isSigned(object: object, byAnyOf: keys.map(\.publicKey))
    }

    private static func key(_ publicKey: JSONValue?, _ validityURL: JSONValue?) -> Key? {
        guard let bytes = publicKey?.stringValue.flatMap(UnpaddedBase64.decode) else { return nil }
        return Key(publicKey: bytes, validityURL: validityURL?.stringValue)
    }
}
