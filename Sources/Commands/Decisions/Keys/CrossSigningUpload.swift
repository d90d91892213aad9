package import CanonicalJSON
import EventSigning
package import LogEvents

/// A cross-signing key, checked for its form.
package struct CrossSigningKey: Sendable {
    package let object: JSONObject
    /// `ed25519:<public key>`.
    package let keyID: String
    package let publicKey: [UInt8]

    /// - Parameter usage: `master`, `self_signing` or `user_signing`.
    package init(_ object: JSONObject, usage: String, userID: String) throws(Rejection) {
        let name = "\(usage)_key"
        guard let owner = object["user_id"]?.stringValue else {
            throw Rejection.missingParam("\(name).user_id is missing or no string.")
        }
        guard owner.utf8.elementsEqual(userID.utf8) else {
            throw Rejection.invalidParam("\(name) is the key of somebody else.")
        }
        guard let usages = object["usage"]?.arrayValue else {
            throw Rejection.missingParam("\(name).usage is missing or no array.")
        }
        guard usages.contains(.string(usage)), usages.allSatisfy({ $0.stringValue != nil }) else {
            throw Rejection.invalidParam("\(name).usage must contain \(usage).")
        }
        // "The object must have exactly one property"
        guard let keys = object["keys"]?.objectValue, keys.count == 1, let entry = keys.first(where: { _ in true }),
            let text = entry.value.stringValue
        else { throw Rejection.invalidParam("\(name).keys must have one key.") }
        guard entry.key.utf8.elementsEqual("ed25519:\(text)".utf8), let bytes = UnpaddedBase64.decode(text),
            bytes.count == 32
        else { throw Rejection.invalidParam("\(name).keys must have an Ed25519 key under its own name.") }
        try KeyUpload.checkSignatures(object["signatures"])
        guard object.hasOnlyCanonicalNumbers, object.canonicalBytes().count <= 65_536 else {
            throw Rejection.badJSON("\(name) is too large or no canonical JSON.")
        }
        keyID = entry.key
        publicKey = bytes
        var object = object
        object["unsigned"] = nil
        self.object = object
    }

    /// The public key as text.
    package var publicText: String { String(keyID.dropFirst("ed25519:".count)) }
}

/// The body of `/keys/device_signing/upload`, checked.
package struct CrossSigningUpload: Sendable {
    package let master: CrossSigningKey?
    package let selfSigning: CrossSigningKey?
    package let userSigning: CrossSigningKey?

    package init(body: JSONObject, userID: String) throws(Rejection) {
        master = try Self.key(body, "master", userID)
        selfSigning = try Self.key(body, "self_signing", userID)
        userSigning = try Self.key(body, "user_signing", userID)
    }

    private static func key(
        _ body: JSONObject, _ usage: String, _ userID: String
    ) throws(Rejection) -> CrossSigningKey? {
        guard let value = body["\(usage)_key"], !value.isNull else { return nil }
        guard let object = value.objectValue else { throw Rejection.badJSON("\(usage)_key must be an object.") }
        return try CrossSigningKey(object, usage: usage, userID: userID)
    }

    /// What a user has published before.
    package struct Present: Sendable {
        package var master: JSONObject?
        package var selfSigning: JSONObject?
        package var userSigning: JSONObject?
        package var deviceIDs: [String]

        package init(master: JSONObject?, selfSigning: JSONObject?, userSigning: JSONObject?, deviceIDs: [String]) {
            self.master = master
            self.selfSigning = selfSigning
            self.userSigning = userSigning
            self.deviceIDs = deviceIDs
        }
    }

    private func pairs(_ present: Present) -> [(new: CrossSigningKey?, old: JSONObject?)] {
        [(master, present.master), (selfSigning, present.selfSigning), (userSigning, present.userSigning)]
    }

    /// "there is an existing master signing key and it exactly matches […] the request contains no new keys."
    package func hasNothingNew(_ present: Present) -> Bool {
        pairs(present).allSatisfy { new, old in
            guard let new else { return true }
            return old.map { KeySignatures.coverTheSame($0, new.object) } ?? false
        }
    }

    /// "User-Interactive Authentication MUST be performed for regular clients, except in these cases: there is no existing
    /// master signing key […], OR there is an existing master signing key and it exactly matches the master signing key
    /// provided"
    package func needsAuthentication(_ present: Present) -> Bool {
        present.master != nil && !hasNothingNew(present)
    }

    /// What to record; nil when everything is there already.
    package func decide(_ present: Present, userID: String) throws(Rejection) -> CrossSigningKeysSet? {
        let trusted: CrossSigningKey?
        if let master {
            trusted = master
        } else {
            trusted = try present.master.map { (old) throws(Rejection) in
                try CrossSigningKey(old, usage: "master", userID: userID)
            }
        }
        for (key, name) in [(selfSigning, "self-signing"), (userSigning, "user-signing")] {
            guard let key else { continue }
            guard let trusted else { throw Rejection.missingParam("No master signing key is available.") }
            // "Must be signed by the accompanying master signing key, or by the user's most recently uploaded"
            guard
                SignatureVerifier.verify(
                    object: key.object, name: userID, keyID: trusted.keyID, publicKey: trusted.publicKey)
            else {
                throw Rejection(
                    400, "M_INVALID_SIGNATURE", "The \(name) key is not signed by the master signing key.")
            }
        }
        for key in [master, selfSigning, userSigning] {
            guard let key, present.deviceIDs.contains(where: { $0.utf8.elementsEqual(key.publicText.utf8) }) else {
                continue
            }
            throw Rejection.forbidden("Key ID in use: a device has the name of this key.")
        }
        if hasNothingNew(present), pairs(present).allSatisfy({ $0.new == nil || Self.addsNothing($0.new, to: $0.old) })
        {
            return nil
        }
        return CrossSigningKeysSet(
            userID: userID, master: master?.object, selfSigning: selfSigning?.object, userSigning: userSigning?.object)
    }

    private static func addsNothing(_ new: CrossSigningKey?, to old: JSONObject?) -> Bool {
        guard let new, let old else { return false }
        return KeySignatures.merged(new.object, keepingThoseOf: old) == old
    }
}
