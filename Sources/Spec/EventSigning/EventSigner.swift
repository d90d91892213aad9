package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// An event with its hashes, a signature and its ID.
package struct SignedEvent: Sendable {
    /// The whole event without `unsigned`.
    package let object: JSONObject
    /// `object` as canonical JSON.
    package let bytes: [UInt8]
    package let eventID: EventID
}

/// Adds hashes and signatures to events ("Adding hashes and signatures to outgoing events").
package enum EventSigner {
    /// Hashes and signs a draft.
    ///
    /// `unsigned` is dropped; other signatures on the draft are kept. The draft of a v1 or v2 event must have its
    /// `event_id`.
    package static func sign(
        draft: JSONObject,
        version: RoomVersion,
        server: ServerName,
        key: SigningKey
    ) throws(SigningError) -> SignedEvent {
        var object = draft
        object.removeValue(forKey: "unsigned")
        // "The hash is encoded using Unpadded Base64 and stored in the event object, in a `hashes` object, under a
        // `sha256` key."
        object["hashes"] = .object(["sha256": .string(ContentHash.compute(object))])
        // "The event object is then redacted, following the redaction algorithm. Finally it is signed […]. The signature
        // is then copied back to the original event object." The reference hash covers the same bytes.
        let signedForm = SignedForm.bytes(of: object, version: version)
        try JSONSigner.add(signatureOf: signedForm, to: &object, name: server.rawValue, key: key)
        let eventID = try ReferenceHash.eventID(of: object, signedForm: signedForm, version: version)
        return SignedEvent(object: object, bytes: object.canonicalBytes(), eventID: eventID)
    }

    /// Adds a further signature to an event that has its hashes, such as that of the server that authorises a restricted
    /// join or of the one that was invited.
    package static func addSignature(
        to event: JSONObject,
        version: RoomVersion,
        server: ServerName,
        key: SigningKey
    ) throws(SigningError) -> JSONObject {
        var object = event
        let signedForm = SignedForm.bytes(of: object, version: version)
        try JSONSigner.add(signatureOf: signedForm, to: &object, name: server.rawValue, key: key)
        return object
    }
}
