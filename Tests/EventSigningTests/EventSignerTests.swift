import CanonicalJSON
import EventSigning
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

@Suite struct EventSignerTests {
    private let server: ServerName
    private let key: SigningKey

    init() throws {
        server = try ServerName(parsing: "example.org")
        key = SigningKey.generate(version: "a_test")
    }

    private var message: JSONObject {
        [
            "auth_events": [], "content": ["body": "hello", "msgtype": "m.text"], "depth": 4,
            "event_id": "$own:example.org", "origin_server_ts": 1, "prev_events": [], "room_id": "!r:example.org",
            "sender": "@a:example.org", "type": "m.room.message", "unsigned": ["age": 4],
        ]
    }

    @Test(arguments: RoomVersion.all)
    func aSignedEventVerifiesAndHasItsID(version: RoomVersion) throws {
        let signed = try EventSigner.sign(draft: message, version: version, server: server, key: key)
        #expect(signed.object["unsigned"] == nil)
        #expect(signed.bytes == signed.object.canonicalBytes())
        #expect(verifies(signed.object, version))
        #expect(ContentHash.matches(signed.object))
        #expect(try ReferenceHash.eventID(of: signed.object, version: version) == signed.eventID)
        let hash = ReferenceHash.compute(signed.object, version: version)
        switch version.eventIDFormat {
        case .opaque: #expect(signed.eventID.rawValue == "$own:example.org")
        case .hashStandardBase64: #expect(signed.eventID.rawValue == "$" + UnpaddedBase64.encode(hash))
        case .hashURLSafe: #expect(signed.eventID.rawValue == "$" + UnpaddedBase64.encodeURLSafe(hash))
        }
        #expect(try PDU(object: signed.object, bytes: signed.bytes, version: version).bytes == signed.bytes)
    }

    /// "Note that this step should succeed whether we have been sent the full event or a redacted copy."
    @Test(arguments: RoomVersion.all)
    func redactionKeepsSignatureAndID(version: RoomVersion) throws {
        let signed = try EventSigner.sign(draft: message, version: version, server: server, key: key)
        let redacted = Redaction.redacted(signed.object, version: version)
        #expect(redacted["content"] == .object([:]))
        #expect(verifies(redacted, version))
        #expect(!ContentHash.matches(redacted))
        #expect(try ReferenceHash.eventID(of: redacted, version: version) == signed.eventID)
    }

    @Test func whatWasTamperedWithDoesNotVerify() throws {
        let signed = try EventSigner.sign(draft: message, version: .v12, server: server, key: key)
        var moved = signed.object
        moved["depth"] = 5
        #expect(!verifies(moved, .v12))
        var edited = signed.object
        edited["content"] = ["body": "other"]
        #expect(verifies(edited, .v12), "the signature does not cover what redaction takes away")
        #expect(!ContentHash.matches(edited))
        var stripped = signed.object
        stripped["signatures"] = ["example.org": ["ed25519:a_test": "AAAA"]]
        #expect(!verifies(stripped, .v12))
        stripped["signatures"] = ["example.org": 3]
        #expect(!verifies(stripped, .v12))
        stripped["signatures"] = nil
        #expect(!verifies(stripped, .v12))
        let foreign = SigningKey.generate(version: "a_test")
        #expect(
            !SignatureVerifier.verify(
                event: signed.object, server: server, keyID: key.keyID, publicKey: foreign.publicKey, version: .v12))
        #expect(
            !SignatureVerifier.verify(
                event: signed.object, server: server, keyID: key.keyID, publicKey: [1, 2], version: .v12))
    }

    @Test func aFurtherSignatureLeavesTheFirst() throws {
        let signed = try EventSigner.sign(draft: message, version: .v12, server: server, key: key)
        let other = try ServerName(parsing: "other.example.org")
        let otherKey = SigningKey.generate(version: "b")
        let both = try EventSigner.addSignature(to: signed.object, version: .v12, server: other, key: otherKey)
        #expect(verifies(both, .v12))
        #expect(
            SignatureVerifier.verify(
                event: both, server: other, keyID: "ed25519:b", publicKey: otherKey.publicKey, version: .v12))
        #expect(try ReferenceHash.eventID(of: both, version: .v12) == signed.eventID)
    }

    @Test func anEventOfVersionOneNeedsItsID() throws {
        var draft = message
        draft["event_id"] = nil
        #expect(throws: SigningError.malformedObject("event_id")) {
            try EventSigner.sign(draft: draft, version: .v1, server: server, key: key)
        }
    }

    private func verifies(_ event: JSONObject, _ version: RoomVersion) -> Bool {
        SignatureVerifier.verify(
            event: event, server: server, keyID: key.keyID, publicKey: key.publicKey, version: version)
    }
}
