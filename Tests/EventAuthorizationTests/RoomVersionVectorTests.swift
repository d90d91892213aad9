import CanonicalJSON
import EventSigning
import Foundation
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

/// Events of every room version with their hashes, IDs and redacted forms, as `fixtures/versions/vectors.py` makes them.
@Suite struct RoomVersionVectorTests {
    private struct Vector {
        let version: RoomVersion
        let name: String
        let event: JSONObject
        let expected: JSONValue

        var label: Comment { "v\(version) \(name)" }

        init(_ line: Substring) throws {
            expected = try JSONValue.parse(Array(line.utf8), limits: .stored)
            version = try #require(expected["version"]?.stringValue.flatMap(RoomVersion.named))
            name = try #require(expected["name"]?.stringValue)
            event = try #require(expected["event"]?.objectValue)
        }
    }

    private let vectors: [Vector]

    init() throws {
        let file = AuthRulePages.root.appendingPathComponent("fixtures/versions/events.jsonl")
        vectors = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(Vector.init)
    }

    @Test func everyVersionHasEveryVector() {
        for version in RoomVersion.all { #expect(vectors.count { $0.version == version } == 16) }
    }

    @Test func redaction() {
        for vector in vectors {
            let redacted = Redaction.redacted(vector.event, version: vector.version)
            #expect(.object(redacted) == vector.expected["redacted"], vector.label)
            let canonical = String(decoding: redacted.canonicalBytes(), as: UTF8.self)
            #expect(canonical == vector.expected["canonical"]?.stringValue, vector.label)
            #expect(Redaction.redacted(redacted, version: vector.version) == redacted, vector.label)
        }
    }

    @Test func contentHash() {
        for vector in vectors {
            #expect(ContentHash.compute(vector.event) == vector.expected["content_hash"]?.stringValue, vector.label)
            #expect(ContentHash.matches(vector.event), vector.label)
        }
    }

    @Test func referenceHashAndEventID() throws {
        for vector in vectors {
            let hash = UnpaddedBase64.encode(ReferenceHash.compute(vector.event, version: vector.version))
            #expect(hash == vector.expected["reference_hash"]?.stringValue, vector.label)
            let eventID = try ReferenceHash.eventID(of: vector.event, version: vector.version)
            #expect(eventID.rawValue == vector.expected["event_id"]?.stringValue, vector.label)
            // What redaction takes away is not covered.
            let redacted = Redaction.redacted(vector.event, version: vector.version)
            #expect(try ReferenceHash.eventID(of: redacted, version: vector.version) == eventID, vector.label)
        }
    }

    @Test func everyVectorIsAValidEvent() throws {
        for vector in vectors {
            let pdu = try PDU(object: vector.event, version: vector.version)
            #expect(!pdu.object.contains("unsigned"), vector.label)
            let redacted = try PDU(
                object: Redaction.redacted(pdu.object, version: vector.version), version: vector.version)
            #expect(redacted.type == pdu.type && redacted.stateKey == pdu.stateKey, vector.label)
        }
    }

    /// "this step should succeed whether we have been sent the full event or a redacted copy."
    @Test func signaturesOutliveRedaction() throws {
        let key = SigningKey.generate(version: "1")
        let server = try ServerName(parsing: "example.org")
        for vector in vectors {
            let signed = try EventSigner.addSignature(
                to: vector.event, version: vector.version, server: server, key: key)
            var changed = signed
            changed["depth"] = 1_000
            let redacted = Redaction.redacted(signed, version: vector.version)
            for (object, isValid) in [(signed, true), (redacted, true), (changed, false)] {
                let verified = SignatureVerifier.verify(
                    event: object, server: server, keyID: key.keyID, publicKey: key.publicKey, version: vector.version)
                #expect(verified == isValid, vector.label)
            }
        }
    }
}
