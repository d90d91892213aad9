package import CanonicalJSON

/// Signs arbitrary JSON objects ("Signing JSON").
package enum JSONSigner {
    /// The object with a signature in the name of an entity, such as a server.
    ///
    /// "JSON is signed by encoding the JSON object without `signatures` or keys grouped as `unsigned`, using the canonical
    /// encoding". Both members are kept.
    package static func sign(object: JSONObject, name: String, key: SigningKey) throws(SigningError) -> JSONObject {
        var result = object
        var bytes: [UInt8] = []
        object.writeCanonical(into: &bytes, omitting: ["signatures", "unsigned"])
        try add(signatureOf: bytes, to: &result, name: name, key: key)
        return result
    }

    static func add(
        signatureOf bytes: [UInt8],
        to object: inout JSONObject,
        name: String,
        key: SigningKey
    ) throws(SigningError) {
        let signature = try UnpaddedBase64.encode(key.signature(of: bytes))
        var signatures = object["signatures"]?.objectValue ?? JSONObject()
        var own = signatures[name]?.objectValue ?? JSONObject()
        own[key.keyID] = .string(signature)
        signatures[name] = .object(own)
        object["signatures"] = .object(signatures)
    }
}
