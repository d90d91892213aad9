import CanonicalJSON
package import MatrixEvents
import MatrixIdentifiers

extension ServerKeyDocument {
    /// The keys that may be believed: those of `verify_keys` that have signed the document, and the old ones it lists; nil
    /// when nobody who has a current key signed it.
    ///
    /// "Digital signatures for this object signed using the `verify_keys`."
    package var provenKeys: [Key]? {
        var bytes: [UInt8] = []
        object.writeCanonical(into: &bytes, omitting: ["signatures", "unsigned"])
        let current = keys.filter { key in
            guard key.expired == nil, let publicKey = UnpaddedBase64.decode(key.text),
                let signature = SignatureVerifier.signature(in: object, name: serverName.rawValue, keyID: key.id)
            else { return false }
            return SignatureVerifier.verify(signature: signature, message: bytes, publicKey: publicKey)
        }
        guard !current.isEmpty else { return nil }
        return current + keys.filter { $0.expired != nil }
    }
}
