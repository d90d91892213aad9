package import CanonicalJSON

/// Signatures on keys that users publish.
package enum KeySignatures {
    /// What a signature covers.
    package static func signedBytes(of object: JSONObject) -> [UInt8] {
        var bytes: [UInt8] = []
        object.writeCanonical(into: &bytes, omitting: ["signatures", "unsigned"])
        return bytes
    }

    /// Whether two objects are the same but for their signatures.
    package static func coverTheSame(_ one: JSONObject, _ other: JSONObject) -> Bool {
        signedBytes(of: one) == signedBytes(of: other)
    }

    /// The object with the signatures of both when they are the same but for their signatures; otherwise the new one.
    package static func merged(_ new: JSONObject, keepingThoseOf old: JSONObject) -> JSONObject {
        guard coverTheSame(new, old), let kept = old["signatures"]?.objectValue else {
            return new
        }
        return adding(kept, to: new, overwriting: false)
    }

    /// The object with more signatures: user id to key id to signature.
    package static func adding(_ signatures: JSONObject, to object: JSONObject, overwriting: Bool) -> JSONObject {
        var all = object["signatures"]?.objectValue ?? [:]
        for (user, value) in signatures {
            let (own, more) = (all[user]?.objectValue ?? [:], value.objectValue ?? [:])
            all[user] = .object(overwriting ? own.merging(more) : more.merging(own))
        }
        var result = object
        result["signatures"] = .object(all)
        return result
    }
}
