internal import CSodium
package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// Checks Ed25519 signatures ("Checking for a Signature").
package enum SignatureVerifier {
    /// Whether a server signed an event with this key; what redaction takes away is not covered.
    package static func verify(
        event: JSONObject,
        server: ServerName,
        keyID: String,
        publicKey: [UInt8],
        version: RoomVersion
    ) -> Bool {
        guard let signature = signature(in: event, name: server.rawValue, keyID: keyID) else { return false }
        return verify(
            signature: signature, message: SignedForm.bytes(of: event, version: version), publicKey: publicKey)
    }

    /// Whether an entity signed a JSON object with this key.
    package static func verify(object: JSONObject, name: String, keyID: String, publicKey: [UInt8]) -> Bool {
        guard let signature = signature(in: object, name: name, keyID: keyID) else { return false }
        var bytes: [UInt8] = []
        object.writeCanonical(into: &bytes, omitting: ["signatures", "unsigned"])
        return verify(signature: signature, message: bytes, publicKey: publicKey)
    }

    /// Whether any Ed25519 signature on a JSON object, by whomever, is made with one of these keys.
    ///
    /// The rule for third-party invites: "If any signature in `signed` matches any public key […], allow."
    package static func isSigned(object: JSONObject, byAnyOf publicKeys: [[UInt8]]) -> Bool {
        guard let signatures = object["signatures"]?.objectValue else { return false }
        var bytes: [UInt8] = []
        object.writeCanonical(into: &bytes, omitting: ["signatures", "unsigned"])
        for (_, value) in signatures {
            for (keyID, encoded) in value.objectValue ?? JSONObject() {
                guard isEd25519(keyID), let text = encoded.stringValue, let signature = UnpaddedBase64.decode(text)
                else {
                    continue
                }
                let isSigned = publicKeys.contains { verify(signature: signature, message: bytes, publicKey: $0) }
                if isSigned { return true }
            }
        }
        return false
    }

    /// Whether a signature of `message` is made with the secret key of `publicKey`; false for keys and signatures of the
    /// wrong length.
    package static func verify(signature: [UInt8], message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard Sodium.isReady, signature.count == Sodium.signatureBytes, publicKey.count == Sodium.publicKeyBytes else {
            return false
        }
        return crypto_sign_ed25519_verify_detached(signature, message, UInt64(message.count), publicKey) == 0
    }

    /// The IDs of the Ed25519 keys with which an entity says that it signed.
    package static func keyIDs(in object: JSONObject, name: String) -> [String] {
        (object["signatures"]?[name]?.objectValue?.keys ?? []).filter(isEd25519)
    }

    /// "Removes any signing key identifiers from the entry with algorithms it doesn't understand."
    private static func isEd25519(_ keyID: String) -> Bool { keyID.utf8.starts(with: "ed25519:".utf8) }

    static func signature(in object: JSONObject, name: String, keyID: String) -> [UInt8]? {
        guard isEd25519(keyID), let text = object["signatures"]?[name]?[keyID]?.stringValue else { return nil }
        return UnpaddedBase64.decode(text)
    }
}
