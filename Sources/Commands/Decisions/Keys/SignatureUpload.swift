package import CanonicalJSON
import EventSigning
package import LogEvents

/// Signatures that one user uploads for one key.
package struct SignatureUpload: Sendable {
    package let signer: String
    package let target: String
    /// A device's id, or the public part of a master key.
    package let keyName: String
    package let uploaded: JSONObject

    package init(signer: String, target: String, keyName: String, uploaded: JSONObject) {
        self.signer = signer
        self.target = target
        self.keyName = keyName
        self.uploaded = uploaded
    }

    /// What of it is to be recorded.
    ///
    /// - Parameters:
    ///   - stored: the key that the server has of that name.
    ///   - isDevice: whether it is that of a device.
    ///   - signers: the public keys that may have signed it, by key id.
    /// - Throws: the rejection for this key alone.
    package func decide(
        stored: JSONObject?, isDevice: Bool, signers: [String: [UInt8]]
    ) throws(Rejection) -> KeySignaturesAdded? {
        guard let stored else { throw Rejection.notFound("There is no such key.") }
        // "The signed JSON object must match the key previously uploaded or retrieved for the given key ID, with the
        // exception of the `signatures` property"
        guard KeySignatures.coverTheSame(stored, uploaded) else {
            throw Rejection(400, "M_INVALID_SIGNATURE", "The key is not the one that the server has.")
        }
        guard let given = uploaded["signatures"]?[signer]?.objectValue, !given.isEmpty else {
            throw Rejection(400, "M_INVALID_SIGNATURE", "There is no signature of the user.")
        }
        let known = stored["signatures"]?[signer]?.objectValue ?? [:]
        var added: JSONObject = [:]
        for (keyID, value) in given {
            if known[keyID] == value { continue }
            guard let publicKey = signers[keyID],
                SignatureVerifier.verify(object: uploaded, name: signer, keyID: keyID, publicKey: publicKey)
            else { throw Rejection(400, "M_INVALID_SIGNATURE", "The signature by \(keyID) is not valid.") }
            added[keyID] = value
        }
        if added.isEmpty { return nil }
        var signed = stored
        signed["signatures"] = nil
        return KeySignaturesAdded(
            signer: signer, target: target, deviceID: isDevice ? keyName : nil, signed: signed, signatures: added)
    }
}
