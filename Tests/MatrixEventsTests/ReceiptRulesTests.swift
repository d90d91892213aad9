import CanonicalJSON
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

/// What is asked of an event on receipt besides its format: signatures, the age of keys, `unsigned`; and EDUs.
@Suite struct ReceiptRulesTests {
    private func pdu(_ version: RoomVersion, _ changes: JSONObject = [:]) throws -> PDU {
        try PDU(object: PDUTests.event(version).merging(changes), version: version)
    }

    private func required(
        _ version: RoomVersion, _ changes: JSONObject = [:], id: String = "$e:example.org"
    ) throws
        -> [String]
    {
        let eventID = try EventID(parsing: version.eventIDFormat == .opaque ? id : "$hash")
        return RequiredSignatures.servers(for: try pdu(version, changes), eventID: eventID, version: version)
            .map(\.rawValue)
    }

    @Test(arguments: RoomVersion.all)
    func signaturesOfTheSenderAndOfTheEventID(version: RoomVersion) throws {
        #expect(try required(version) == ["example.org"])
        let opaque = version.eventIDFormat == .opaque
        #expect(try required(version, id: "$e:other.org") == ["example.org"] + (opaque ? ["other.org"] : []))
        let invite: JSONObject = [
            "content": ["membership": "invite", "third_party_invite": [:]], "state_key": "@b:other.org",
            "type": "m.room.member",
        ]
        #expect(try required(version, invite) == (opaque ? ["example.org"] : []))
        let join = invite.merging(["content": ["membership": "join", "third_party_invite": [:]]])
        #expect(try required(version, join) == ["example.org"])
    }

    @Test(arguments: RoomVersion.all)
    func signatureOfTheAuthoriser(version: RoomVersion) throws {
        func authoriser(_ type: String, _ value: JSONValue) throws -> String? {
            let event = try pdu(
                version,
                [
                    "content": ["membership": "join", "join_authorised_via_users_server": value],
                    "state_key": "@b:o.org",
                    "type": .string(type),
                ])
            return RequiredSignatures.authoriser(of: event, version: version)?.rawValue
        }
        #expect(try authoriser("m.room.member", "@a:third.org") == (version.restrictedJoin ? "third.org" : nil))
        #expect(try authoriser("m.room.message", "@a:third.org") == nil)
        #expect(try authoriser("m.room.member", "third.org") == nil)
    }

    @Test(arguments: RoomVersion.all)
    func keysAreValidForATime(version: RoomVersion) {
        let day: Int64 = 86_400_000
        let key = SigningKeyValidity.current(validUntil: 1_000, fetchedAt: 0)
        #expect(key.covers(originServerTS: 1_000, version: version))
        #expect(key.covers(originServerTS: 1_001, version: version) == !version.enforceSignatureExpiry)
        let long = SigningKeyValidity.current(validUntil: .max, fetchedAt: day)
        #expect(long.covers(originServerTS: 8 * day, version: version))
        #expect(long.covers(originServerTS: 8 * day + 1, version: version) == !version.enforceSignatureExpiry)
        #expect(SigningKeyValidity.current(validUntil: 5, fetchedAt: .max).lastTimestamp == 5)
        #expect(version.enforceSignatureExpiry == (version != .v1 && !["2", "3", "4"].contains(version.id)))
        // "any keys that are known to have expired prior to the event's `origin_server_ts` are ignored", in every version.
        let old = SigningKeyValidity.old(expired: 1_000)
        #expect(old.covers(originServerTS: 1_000, version: version))
        #expect(!old.covers(originServerTS: 1_001, version: version))
    }

    @Test(arguments: RoomVersion.all)
    func redactionsTakeEffect(version: RoomVersion) throws {
        let levels = PowerLevels(
            content: ["users": ["@mod:o.org": 50]], creators: nil, version: version)
        let target = try pdu(version)
        func applies(_ sender: String) throws -> Bool {
            let redaction = try pdu(version, ["sender": .string(sender), "type": "m.room.redaction"])
            return RedactionHandling.applies(redaction, to: target, levels: levels, version: version)
        }
        #expect(try applies("@mod:o.org"))
        #expect(try applies("@anyone:example.org"))
        // Until v2 the authorization rules have decided it.
        #expect(try applies("@anyone:o.org") == version.redactionAuth)
    }

    @Test func littleOfUnsignedIsKept() {
        let state: JSONValue = [
            "content": [:], "sender": "@a:b", "state_key": "", "type": "m.room.name", "event_id": "$x",
        ]
        let kept = RemoteUnsigned(event: [
            "unsigned": [
                "age": 5, "prev_content": ["x": 1], "redacted_because": [:], "transaction_id": "t",
                "membership": "join",
                "invite_room_state": [state, 3, ["type": "x"]], "knock_room_state": "x",
            ]
        ])
        #expect(kept.age == 5)
        #expect(kept.inviteRoomState == [["content": [:], "sender": "@a:b", "state_key": "", "type": "m.room.name"]])
        #expect(kept.knockRoomState.isEmpty)
        for odd in [JSONValue.null, [], ["age": -5], ["age": 1.5], ["age": "5"], ["age": .null]] {
            #expect(RemoteUnsigned(event: ["unsigned": odd]).age == nil)
        }
        #expect(RemoteUnsigned(event: [:]).age == nil)
        #expect(RemoteUnsigned.outgoing(originServerTS: 10, nowMs: 25) == ["age": 15])
        #expect(RemoteUnsigned.outgoing(originServerTS: 25, nowMs: 10) == ["age": 0])
        #expect(RemoteUnsigned.outgoing(originServerTS: .min, nowMs: .max) == ["age": 0])
    }

    @Test func edusHaveATypeAndAContent() throws {
        let edu = try #require(EDU(["content": ["x": 1], "edu_type": "m.presence", "org.example": 2]))
        #expect(edu.object == ["content": ["x": 1], "edu_type": "m.presence"])
        for odd in [JSONValue.null, [], [:], ["edu_type": "x"], ["content": [:]], ["content": [], "edu_type": "x"]] {
            #expect(EDU(odd) == nil)
        }
    }

    @Test func edusOfClosedRoomsAreDropped() throws {
        let open = try RoomID(parsing: "!open:a")
        func kept(_ type: String, _ content: JSONObject) -> JSONObject? {
            EDU(type: type, content: content).keepingRooms { $0 == open }?.content
        }
        #expect(kept("m.typing", ["room_id": "!open:a"]) == ["room_id": "!open:a"])
        #expect(kept("m.typing", ["room_id": "!shut:a"]) == nil)
        #expect(kept("m.typing", ["room_id": 3]) == nil)
        #expect(kept("m.receipt", ["!open:a": [:], "!shut:a": [:], "x": [:]]) == ["!open:a": [:]])
        #expect(kept("m.receipt", ["!shut:a": [:]]) == nil)
        #expect(kept("m.presence", ["room_id": "!shut:a"]) != nil)
    }

    @Test(arguments: RoomVersion.all)
    func conditionsOfRestrictedRooms(version: RoomVersion) {
        let condition: JSONValue = ["type": "m.room_membership", "room_id": "!a:b"]
        let allow: JSONValue = [
            condition, condition, ["type": "m.other", "room_id": "!c:d"], ["type": "m.room_membership"], 3, .null,
            ["type": "m.room_membership", "room_id": "nonsense"], ["type": "m.room_membership", "room_id": "!hash"],
        ]
        func rooms(_ rule: String, _ allow: JSONValue?) -> [String]? {
            var content: JSONObject = ["join_rule": .string(rule)]
            content["allow"] = allow
            return AllowedRooms(content: content, version: version)?.rooms.map(\.rawValue)
        }
        #expect(rooms("restricted", allow) == (version.restrictedJoin ? ["!a:b", "!hash"] : nil))
        #expect(rooms("knock_restricted", allow) == (version.knockRestricted ? ["!a:b", "!hash"] : nil))
        #expect(rooms("restricted", "x") == (version.restrictedJoin ? [] : nil))
        #expect(rooms("restricted", nil) == (version.restrictedJoin ? [] : nil))
        for rule in ["invite", "public", "knock", "private"] { #expect(rooms(rule, allow) == nil) }
    }
}
