import CanonicalJSON
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import TestSupport
import Testing

@Suite struct PDUTests {
    static func event(_ version: RoomVersion = .v12) -> JSONObject {
        let link: JSONValue = version.eventIDFormat == .opaque ? [["$p:example.org", ["sha256": "AA"]]] : ["$p"]
        var object: JSONObject = [
            "auth_events": link, "content": ["body": "hi"], "depth": 7, "hashes": ["sha256": "AA"],
            "origin_server_ts": 1_700_000_000_000, "prev_events": link, "room_id": "!r:example.org",
            "sender": "@a:example.org", "signatures": ["example.org": ["ed25519:1": "AA"]], "type": "m.room.message",
        ]
        if version.eventIDFormat == .opaque { object["event_id"] = "$e:example.org" }
        return object
    }

    @Test(arguments: RoomVersion.all)
    func fieldsAreRead(version: RoomVersion) throws {
        var object = Self.event(version)
        object["state_key"] = ""
        let pdu = try PDU(parsing: object.canonicalBytes(), version: version)
        #expect(pdu.type == "m.room.message")
        #expect(pdu.sender.rawValue == "@a:example.org")
        #expect(pdu.roomID?.rawValue == "!r:example.org")
        #expect(pdu.stateKey == "")
        #expect(pdu.isState)
        #expect(pdu.content == ["body": "hi"])
        #expect(pdu.depth == 7)
        #expect(pdu.originServerTS == 1_700_000_000_000)
        #expect(pdu.prevEvents.map(\.rawValue) == [version.eventIDFormat == .opaque ? "$p:example.org" : "$p"])
        #expect(pdu.authEvents == pdu.prevEvents)
        #expect(pdu.redacts == nil)
        #expect(pdu.bytes == object.canonicalBytes())
        #expect(pdu.object == object)
    }

    @Test func unsignedIsDropped() throws {
        let plain = Self.event()
        var object = plain
        object["unsigned"] = ["age": 1]
        for pdu in [
            try PDU(parsing: object.canonicalBytes(), version: .v12), try PDU(object: object, version: .v12),
            try PDU(object: object, bytes: object.canonicalBytes(), version: .v12),
        ] {
            #expect(pdu.object == plain)
            #expect(pdu.bytes == plain.canonicalBytes())
        }
    }

    @Test func redactsStandsWhereTheVersionPutsIt() throws {
        for version in RoomVersion.all {
            var object = Self.event(version)
            object["redacts"] = "$outer:example.org"
            object["content"] = ["redacts": "$inner:example.org"]
            #expect(try PDU(object: object, version: version).redacts == nil)
            object["type"] = "m.room.redaction"
            let expected = version.redactsInContent ? "$inner:example.org" : "$outer:example.org"
            #expect(try PDU(object: object, version: version).redacts?.rawValue == expected)
            object["redacts"] = 3
            object["content"] = ["redacts": [:]]
            #expect(try PDU(object: object, version: version).redacts == nil)
        }
    }

    @Test func onlyTheCreateEventOfVersionTwelveLacksARoom() throws {
        var object = Self.event()
        object["room_id"] = nil
        #expect(throws: PDUError.missing("room_id")) { try PDU(object: object, version: .v12) }
        object["type"] = "m.room.create"
        #expect(throws: PDUError.missing("room_id")) { try PDU(object: object, version: .v11) }
        let pdu = try PDU(object: object, version: .v12)
        #expect(pdu.roomID == nil)
        #expect(try pdu.effectiveRoomID(eventID: EventID(parsing: "$abc")).rawValue == "!abc")
        object["room_id"] = "!r"
        #expect(try PDU(object: object, version: .v12).roomID?.rawValue == "!r")
    }

    @Test(arguments: [
        ("type", PDUError.wrongType("type")), ("sender", .wrongType("sender")), ("state_key", .wrongType("state_key")),
        ("content", .wrongType("content")), ("depth", .wrongType("depth")), ("hashes", .wrongType("hashes")),
        ("origin_server_ts", .wrongType("origin_server_ts")), ("prev_events", .wrongType("prev_events")),
        ("auth_events", .wrongType("auth_events")), ("room_id", .wrongType("room_id")),
        ("signatures", .wrongType("signatures")),
    ])
    func wrongTypesAreRefused(member: String, error: PDUError) {
        for wrong in [JSONValue.null, .bool(true)] {
            var object = Self.event()
            object[member] = wrong
            #expect(throws: error) { try PDU(object: object, version: .v12) }
        }
        var object = Self.event()
        object[member] = nil
        if member == "state_key" {
            #expect(throws: Never.self) { try PDU(object: object, version: .v12) }
        } else {
            #expect(throws: PDUError.missing(member)) { try PDU(object: object, version: .v12) }
        }
    }

    @Test func aDraftNeedsNoSignatures() throws {
        var object = Self.event()
        object["hashes"] = nil
        object["signatures"] = nil
        #expect(throws: PDUError.missing("hashes")) { try PDU(object: object, version: .v12) }
        #expect(try PDU(draft: object, version: .v12).object == object)
    }

    @Test func badIdentifiersAreRefused() {
        for (member, value) in [("sender", "alice"), ("sender", "@alice"), ("room_id", "r:example.org")] {
            var object = Self.event()
            object[member] = .string(value)
            #expect(throws: PDUError.invalidIdentifier(member)) { try PDU(object: object, version: .v12) }
        }
        var object = Self.event()
        object["prev_events"] = ["p"]
        #expect(throws: PDUError.invalidIdentifier("prev_events")) { try PDU(object: object, version: .v12) }
        object["prev_events"] = [["$p", [:]]]
        #expect(throws: PDUError.wrongType("prev_events")) { try PDU(object: object, version: .v12) }
        var old = Self.event(.v1)
        old["auth_events"] = ["$p:example.org"]
        #expect(throws: PDUError.wrongType("auth_events")) { try PDU(object: old, version: .v1) }
        old["auth_events"] = [[]]
        #expect(throws: PDUError.wrongType("auth_events")) { try PDU(object: old, version: .v1) }
    }

    @Test func sizesAreLimited() throws {
        func with(_ member: String, _ value: JSONValue) -> JSONObject {
            var object = Self.event()
            object[member] = value
            return object
        }
        func bytes(_ count: Int) -> JSONValue { .string(String(repeating: "x", count: count)) }
        for member in ["type", "state_key"] {
            #expect(throws: Never.self) { try PDU(object: with(member, bytes(255)), version: .v12) }
            #expect(throws: PDUError.tooLarge(member)) { try PDU(object: with(member, bytes(256)), version: .v12) }
        }
        let long = "@" + String(repeating: "x", count: 255) + ":example.org"
        #expect(throws: PDUError.tooLarge("sender")) { try PDU(object: with("sender", .string(long)), version: .v12) }
        // The limit is in bytes: 128 two-byte characters are too many.
        let wide = JSONValue.string(String(repeating: "\u{e9}", count: 128))
        #expect(throws: PDUError.tooLarge("state_key")) { try PDU(object: with("state_key", wide), version: .v12) }
        func links(_ count: Int) -> JSONValue { .array(Array(repeating: "$p", count: count)) }
        for (member, limit) in [("prev_events", 20), ("auth_events", 10)] {
            #expect(throws: Never.self) { try PDU(object: with(member, links(limit)), version: .v12) }
            #expect(throws: PDUError.tooMany(member)) { try PDU(object: with(member, links(limit + 1)), version: .v12) }
        }
        let base = with("content", ["body": ""]).canonicalBytes().count
        let full = with("content", ["body": bytes(65_536 - base)])
        #expect(try PDU(object: full, version: .v12).bytes.count == 65_536)
        let over = with("content", ["body": bytes(65_537 - base)])
        #expect(throws: PDUError.tooLarge("event")) { try PDU(object: over, version: .v12) }
        #expect(PDUError.tooLarge("event").isTooLarge)
        #expect(!PDUError.notCanonical.isTooLarge)
    }

    @Test func depthAndNumbersFollowTheVersion() {
        func check(_ depth: JSONValue, _ version: RoomVersion) throws(PDUError) {
            var object = Self.event(version)
            object["depth"] = depth
            _ = try PDU(object: object, version: version)
        }
        #expect(throws: PDUError.outOfRange("depth")) { try check(-1, .v12) }
        #expect(throws: Never.self) { try check(9_007_199_254_740_991, .v12) }
        #expect(throws: PDUError.notCanonical) { try check(9_007_199_254_740_992, .v12) }
        #expect(throws: Never.self) { try check(.integer(.max), .v5) }
        #expect(throws: PDUError.notCanonical) { try check(1.5, .v6) }
        #expect(throws: PDUError.wrongType("depth")) { try check(1.5, .v5) }
    }

    @Test func whatIsNoObjectIsRefused() {
        #expect(throws: PDUError.notAnObject) { try PDU(parsing: Array("[]".utf8), version: .v12) }
        #expect(throws: PDUError.self) { try PDU(parsing: [], version: .v12) }
        #expect(throws: PDUError.self) { try PDU(parsing: Array("{".utf8), version: .v12) }
        #expect(throws: PDUError.self) { try PDU(parsing: Array("{\"a\":1.5}".utf8), version: .v12) }
    }

    /// Random damage to the bytes never traps, whatever the verdict.
    @Test func damagedBytesNeverTrap() {
        var random = SeededRandom(seed: 20_261_121)
        for round in 0..<4_000 {
            let version = RoomVersion.all[round % RoomVersion.all.count]
            var bytes = Self.event(version).canonicalBytes()
            for _ in 0...random.below(4) {
                let place = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(random.pick(Array("{}[]\",:0-9e.\\".utf8)) ?? 0, at: place)
                }
            }
            _ = ClientEventFormat.renderOpen(canonical: bytes, eventID: "$e", roomID: nil)
            _ = ClientEventFormat.renderStripped(canonical: bytes)
            guard let pdu = try? PDU(parsing: bytes, version: version) else { continue }
            _ = Redaction.redacted(pdu.object, version: version)
        }
    }
}
