import CanonicalJSON
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

@Suite struct ClientEventFormatTests {
    private func render(_ changes: JSONObject, _ version: RoomVersion = .v12, room: Bool = true) throws -> JSONObject {
        let pdu = try PDU(object: PDUTests.event(version).merging(changes), version: version)
        let eventID = try EventID(parsing: "$event\"id")
        let roomID = try RoomID(parsing: "!r:example.org")
        let bytes = ClientEventFormat.render(pdu: pdu, eventID: eventID, roomID: roomID, includeRoomID: room)
        let open = ClientEventFormat.renderOpen(pdu: pdu, eventID: eventID, roomID: roomID, includeRoomID: room)
        #expect(open + Array("}".utf8) == bytes)
        #expect(throws: Never.self) {
            try JSONObject.parse(open + Array(",\"unsigned\":{\"age\":1}}".utf8), limits: .pdu)
        }
        return try #require(try JSONObject.parse(bytes, limits: .pdu))
    }

    @Test func aMessage() throws {
        let expected: JSONObject = [
            "content": ["body": "hi"], "event_id": "$event\"id", "origin_server_ts": 1_700_000_000_000,
            "room_id": "!r:example.org", "sender": "@a:example.org", "type": "m.room.message",
        ]
        #expect(try render([:]) == expected)
        var withoutRoom = expected
        withoutRoom["room_id"] = nil
        #expect(try render([:], room: false) == withoutRoom)
    }

    @Test func nestedLookAlikesAreLeftAlone() throws {
        let content: JSONObject = [
            "a\"}": ["}", "\\\"", ["type": "inner", "sender": [1, -2, true]]], "redacts": "$no", "type": "x,]", "z": [],
        ]
        let rendered = try render(["content": .object(content), "state_key": "@a\\\":{", "auth_events": []])
        #expect(rendered["content"] == .object(content))
        #expect(rendered["state_key"] == "@a\\\":{")
        #expect(rendered["type"] == "m.room.message")
        #expect(rendered["redacts"] == nil)
        #expect(rendered.keys.count == 7)
    }

    @Test func theCreateEventOfVersionTwelveGetsARoom() throws {
        var object = PDUTests.event()
        object["type"] = "m.room.create"
        object["room_id"] = nil
        let pdu = try PDU(object: object, version: .v12)
        let eventID = try EventID(parsing: "$abc")
        let bytes = ClientEventFormat.render(
            pdu: pdu, eventID: eventID, roomID: pdu.effectiveRoomID(eventID: eventID), includeRoomID: true)
        #expect(try JSONObject.parse(bytes, limits: .pdu)?["room_id"] == "!abc")
    }

    /// Both kinds of clients find `redacts`, in whichever place the room version has it.
    @Test(arguments: [JSONObject(), ["reason": "spam"]])
    func redactionsNameTheirTargetTwice(content: JSONObject) throws {
        for version in [RoomVersion.v3, .v10, .v11, .v12] {
            var changes: JSONObject = ["content": .object(content), "type": "m.room.redaction"]
            var inner = content
            inner["redacts"] = "$t"
            if version.redactsInContent { changes["content"] = .object(inner) } else { changes["redacts"] = "$t" }
            let rendered = try render(changes, version)
            #expect(rendered["redacts"] == "$t")
            #expect(rendered["content"] == .object(inner))
        }
        let bare = try render(["content": .object(content), "type": "m.room.redaction"])
        #expect(bare["redacts"] == nil)
        #expect(bare["content"] == .object(content))
    }

    @Test func strippedState() throws {
        let object = PDUTests.event().merging(["type": "m.room.name", "state_key": "", "content": ["name": "R"]])
        let stripped = try JSONObject.parse(
            ClientEventFormat.renderStripped(pdu: PDU(object: object, version: .v12)), limits: .pdu)
        #expect(
            stripped == ["content": ["name": "R"], "sender": "@a:example.org", "state_key": "", "type": "m.room.name"])
    }

    @Test func enumsForgive() {
        #expect(Membership(content: ["membership": "join"]) == .join)
        #expect(Membership(content: ["membership": "Join"]) == nil)
        #expect(Membership(content: ["membership": 1]) == nil)
        #expect(JoinRule(content: ["join_rule": "knock_restricted"]) == .knockRestricted)
        #expect(JoinRule(content: [:]) == nil)
        #expect(HistoryVisibility(content: nil) == .shared)
        #expect(HistoryVisibility(content: ["history_visibility": "odd"]) == .shared)
        #expect(HistoryVisibility(content: ["history_visibility": "world_readable"]) == .worldReadable)
    }
}
