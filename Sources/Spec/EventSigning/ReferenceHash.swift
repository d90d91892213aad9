package import CanonicalJSON
internal import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// The reference hash: it covers what no redaction takes away, and from v3 on is the event ID.
package enum ReferenceHash {
    /// The 32-byte hash.
    ///
    /// "1. The event is put through the redaction algorithm. 2. The `signatures` and `unsigned` properties are removed
    /// from the event, if present. 3. The event is converted into Canonical JSON. 4. A sha256 hash is calculated on the
    /// resulting JSON object."
    package static func compute(_ object: JSONObject, version: RoomVersion) -> [UInt8] {
        SHA256.digest(of: SignedForm.bytes(of: object, version: version))
    }

    /// The event ID: the hash, or in v1 and v2 what the event says.
    package static func eventID(of object: JSONObject, version: RoomVersion) throws(SigningError) -> EventID {
        try eventID(of: object, signedForm: SignedForm.bytes(of: object, version: version), version: version)
    }

    static func eventID(
        of object: JSONObject, signedForm: [UInt8], version: RoomVersion
    ) throws(SigningError) -> EventID {
        let string: String?
        switch version.eventIDFormat {
        case .opaque: string = object["event_id"]?.stringValue
        case .hashStandardBase64: string = "$" + UnpaddedBase64.encode(SHA256.digest(of: signedForm))
        case .hashURLSafe: string = "$" + UnpaddedBase64.encodeURLSafe(SHA256.digest(of: signedForm))
        }
        guard let string, let eventID = EventID(string) else { throw .malformedObject("event_id") }
        return eventID
    }
}

/// The bytes that signatures and the reference hash cover.
enum SignedForm {
    /// The redacted event without `signatures` and `unsigned`, as canonical JSON.
    static func bytes(of object: JSONObject, version: RoomVersion) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1_024)
        Redaction.redacted(object, version: version).writeCanonical(into: &bytes, omitting: ["signatures", "unsigned"])
        return bytes
    }
}
