package import CanonicalJSON

/// The content hash: it covers the complete event, including what redaction takes away.
package enum ContentHash {
    /// The hash in unpadded Base64, as it stands in `hashes.sha256`.
    ///
    /// "First, any existing `unsigned`, `signatures`, and `hashes` properties are removed. The resulting object is then
    /// encoded as Canonical JSON, and the JSON is hashed using SHA-256."
    package static func compute(_ object: JSONObject) -> String { UnpaddedBase64.encode(digest(of: object)) }

    /// Whether the event's `hashes.sha256` is that of its content, compared after decoding.
    package static func matches(_ object: JSONObject) -> Bool {
        guard let claimed = object["hashes"]?["sha256"]?.stringValue else { return false }
        return UnpaddedBase64.decode(claimed) == digest(of: object)
    }

    /// Whether a claimed hash is that of an event, read from its text.
    static func matches(_ view: JSONView, claimed: String?) -> Bool {
        guard let claimed else { return false }
        let bytes = view.canonicalBytes(omitting: ["hashes", "signatures", "unsigned"])
        return UnpaddedBase64.decode(claimed) == SHA256.digest(of: bytes)
    }

    private static func digest(of object: JSONObject) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1_024)
        object.writeCanonical(into: &bytes, omitting: ["hashes", "signatures", "unsigned"])
        return SHA256.digest(of: bytes)
    }
}
