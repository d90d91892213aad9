package import CanonicalJSON
package import EventLog

/// A user published cross-signing keys; those that are nil stay as they are.
package struct CrossSigningKeysSet: LogEvent, Hashable {
    package static let kind = RecordKind.crossSigningKeysSet

    package var userID: String
    package var master: JSONObject?
    package var selfSigning: JSONObject?
    package var userSigning: JSONObject?

    package init(userID: String, master: JSONObject?, selfSigning: JSONObject?, userSigning: JSONObject?) {
        self.userID = userID
        self.master = master
        self.selfSigning = selfSigning
        self.userSigning = userSigning
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "CrossSigningKeysSet")
        userID = try json.string("user_id")
        master = json.object["master_key"]?.objectValue
        selfSigning = json.object["self_signing_key"]?.objectValue
        userSigning = json.object["user_signing_key"]?.objectValue
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "CrossSigningKeysSet")
        json.set("user_id", userID)
        json.set("master_key", json: master.map(JSONValue.object))
        json.set("self_signing_key", json: selfSigning.map(JSONValue.object))
        json.set("user_signing_key", json: userSigning.map(JSONValue.object))
        return json.object.canonicalBytes()
    }
}

/// Verified signatures of one user were added to a key of the same or another user.
package struct KeySignaturesAdded: LogEvent, Hashable {
    package static let kind = RecordKind.keySignaturesAdded

    package var signer: String
    package var target: String
    /// The device whose keys are signed; nil when it is the master key.
    package var deviceID: String?
    /// What is signed, without signatures: a key that was replaced meanwhile gets no old signatures.
    package var signed: JSONObject
    /// Key id of the signer to signature.
    package var signatures: JSONObject

    package init(signer: String, target: String, deviceID: String?, signed: JSONObject, signatures: JSONObject) {
        self.signer = signer
        self.target = target
        self.deviceID = deviceID
        self.signed = signed
        self.signatures = signatures
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "KeySignaturesAdded")
        signer = try json.string("signer")
        target = try json.string("target")
        deviceID = json.optionalString("device_id")
        signed = json.object["signed"]?.objectValue ?? [:]
        signatures = json.object["signatures"]?.objectValue ?? [:]
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "KeySignaturesAdded")
        json.set("signer", signer)
        json.set("target", target)
        json.set("device_id", deviceID)
        json.set("signed", json: .object(signed))
        json.set("signatures", json: .object(signatures))
        return json.object.canonicalBytes()
    }
}
