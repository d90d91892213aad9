import CanonicalJSON
import EventSigning
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

/// Events from elsewhere, read once, one by one and in bulk.
@Suite struct InboundPDUTests {
    let key: SigningKey
    let server: ServerName

    init() throws {
        key = try SigningKey(seed: Array(0..<32), keyID: "ed25519:a_1")
        server = try ServerName(parsing: "example.org")
    }

    private func signed(_ version: RoomVersion, body: String = "hi \n é") throws -> SignedEvent {
        let hash = "$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk"
        let edge: JSONValue = version.eventIDFormat == .opaque ? ["$1:example.org", ["sha256": "abc"]] : .string(hash)
        var draft: JSONObject = [
            "auth_events": [edge], "prev_events": [edge], "content": ["body": .string(body), "msgtype": "m.text"],
            "depth": 7, "origin_server_ts": 1_712_345_678_901, "sender": "@alice:example.org",
            "type": "m.room.message",
            "room_id": version.roomIDIsCreateHash
                ? "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM" : "!opaque:example.org",
        ]
        if version.eventIDFormat == .opaque { draft["event_id"] = "$own:example.org" }
        return try EventSigner.sign(draft: draft, version: version, server: server, key: key)
    }

    /// The same event with its members in another order, white space, an escape and an `unsigned`.
    private func respelled(_ event: SignedEvent) -> [UInt8] {
        let members = event.object.map { JSONValue.string($0.key).description + " : " + $0.value.description }
        return Array((#"{"unsigned":{"age":1}, "# + members.reversed().joined(separator: ",\n") + "}").utf8)
    }

    @Test(arguments: RoomVersion.all) func `an event is read in any spelling`(version: RoomVersion) throws {
        let event = try signed(version)
        for text in [event.bytes, respelled(event)] {
            let inbound = try InboundPDU(parsing: text, version: version)
            #expect(inbound.eventID == event.eventID)
            #expect(inbound.pdu.object == event.object)
            #expect(inbound.pdu.bytes == event.bytes)
            #expect(inbound.contentHashMatches)
            #expect(inbound.keyIDs(of: server) == [key.keyID])
            #expect(inbound.isSigned(by: server, keyID: key.keyID, publicKey: key.publicKey))
        }
    }

    @Test(arguments: RoomVersion.all) func `changed content fails the hash but not the signature`(
        version: RoomVersion
    ) throws {
        var object = try signed(version).object
        object["content"] = ["body": "something else", "msgtype": "m.text"]
        let inbound = try InboundPDU(parsing: object.canonicalBytes(), version: version)
        #expect(!inbound.contentHashMatches)
        #expect(inbound.isSigned(by: server, keyID: key.keyID, publicKey: key.publicKey))
        #expect(try inbound.redacted().content.isEmpty)
    }

    @Test(arguments: RoomVersion.all) func `what redaction keeps is signed`(version: RoomVersion) throws {
        var object = try signed(version).object
        object["depth"] = 8
        let inbound = try InboundPDU(parsing: object.canonicalBytes(), version: version)
        #expect(!inbound.contentHashMatches)
        #expect(!inbound.isSigned(by: server, keyID: key.keyID, publicKey: key.publicKey))
    }

    @Test func `other keys, servers and algorithms sign nothing`() throws {
        let inbound = try InboundPDU(parsing: signed(.v10).bytes, version: .v10)
        let other = try SigningKey(seed: Array(1...32), keyID: "ed25519:a_1")
        #expect(!inbound.isSigned(by: server, keyID: key.keyID, publicKey: other.publicKey))
        #expect(!inbound.isSigned(by: server, keyID: "ed25519:a_2", publicKey: key.publicKey))
        #expect(!inbound.isSigned(by: server, keyID: "x25519:a_1", publicKey: key.publicKey))
        let elsewhere = try ServerName(parsing: "elsewhere.org")
        #expect(!inbound.isSigned(by: elsewhere, keyID: key.keyID, publicKey: key.publicKey))
        #expect(inbound.keyIDs(of: elsewhere).isEmpty)
    }

    @Test func `what is no event is refused`() throws {
        #expect(throws: PDUError.notAnObject) { try InboundPDU(parsing: Array("[]".utf8), version: .v10) }
        #expect(throws: PDUError.self) { try InboundPDU(parsing: Array("{".utf8), version: .v10) }
        var object = try signed(.v10).object
        object["content"] = ["n": 9_007_199_254_740_992]
        let view = try JSONDocument(parsing: object.canonicalBytes(), limits: .federationBody).root
        #expect(throws: PDUError.notCanonical) { try InboundPDU(view: view, version: .v10) }
        #expect(try InboundPDU(view: view, version: .v5).pdu.content["n"] == 9_007_199_254_740_992)
    }

    @Test(arguments: [0, 1, 2, 3, 16]) func `in bulk each event keeps its place`(threads: Int) throws {
        var texts: [[UInt8]] = []
        for number in 0..<75 {
            var object = try signed(.v10, body: "number \(number)").object
            if number % 5 == 1 { object["content"] = [:] }
            if number % 5 == 2 { object["depth"] = 1 }
            texts.append(number % 5 == 3 ? Array("{}".utf8) : object.canonicalBytes())
        }
        let events = BulkVerifier.read(texts, version: .v10, threads: threads)
        #expect(events.count == texts.count)
        var checks: [SignatureCheck] = []
        var expected: [Bool] = []
        for (number, result) in events.enumerated() {
            guard case .success(let event) = result else {
                #expect(number % 5 == 3)
                continue
            }
            #expect(event.pdu.bytes == texts[number])
            #expect(event.contentHashMatches == (number % 5 == 0 || number % 5 == 4))
            checks.append(
                SignatureCheck(event: event, server: server, keyID: key.keyID, publicKey: key.publicKey))
            expected.append(number % 5 != 2)
        }
        #expect(BulkVerifier.verify(checks, threads: threads) == expected)
        #expect(BulkVerifier.verify([], threads: threads).isEmpty)
    }
}
