import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

/// The rules that hold for every event type, in v11, in v12 (one number later) and, where they differ, in older versions.
@Suite struct EventAuthorizerTests {
    @Test func theRoomIDOfVersionTwelveIsTheCreateEvent() throws {
        var room = try TestRoom(.v12)
        let message = try room.event("m.room.message", by: TestRoom.bob, [:])
        #expect(try room.verdict(message) == nil)
        #expect(try room.verdict(message, createEventID: EventID(parsing: "$other")) == "2")
        let elsewhere = try room.event("m.room.message", by: TestRoom.bob, [:], with: ["room_id": "!other"])
        #expect(try room.verdict(elsewhere) == "2")
        room.state.remove(type: "m.room.create", stateKey: "")
        #expect(try room.verdict(message) == "2")
    }

    @Test func withoutACreateEventNothingIsAllowed() throws {
        for version in RoomVersion.all where !version.roomIDIsCreateHash {
            var room = try TestRoom(version)
            room.state.remove(type: "m.room.create", stateKey: "")
            #expect(try room.verdict("m.room.message", by: TestRoom.bob) == "2.4")
        }
    }

    @Test func authEventsMustBeThoseSelected() throws {
        for (version, rule) in [(RoomVersion.v11, "2"), (.v12, "3")] {
            let room = try TestRoom(version)
            let message = try room.event("m.room.message", by: TestRoom.bob, [:])
            func named(
                _ type: String, _ stateKey: String?, rejected: Bool = false, in other: RoomID? = nil
            )
                -> ResolvedAuthEvent
            {
                ResolvedAuthEvent(type: type, stateKey: stateKey, roomID: other ?? room.roomID, isRejected: rejected)
            }
            let create = named("m.room.create", "")
            let levels = named("m.room.power_levels", "")
            let member = named("m.room.member", TestRoom.bob)
            let start = version.createNotInAuthEvents ? [] : [create]
            #expect(try room.verdict(message, authEvents: start + [levels, member]) == nil)
            #expect(try room.verdict(message, authEvents: start + [member, member]) == "\(rule).1")
            let foreignMember = named("m.room.member", TestRoom.carol)
            #expect(try room.verdict(message, authEvents: start + [foreignMember]) == "\(rule).2")
            #expect(try room.verdict(message, authEvents: start + [named("m.room.message", nil)]) == "\(rule).2")
            let rejected = named("m.room.member", TestRoom.bob, rejected: true)
            #expect(try room.verdict(message, authEvents: start + [rejected]) == "\(rule).3")
            let elsewhere = try named("m.room.member", TestRoom.bob, in: RoomID(parsing: "!other:example.org"))
            let isTwelve = version.createNotInAuthEvents
            #expect(try room.verdict(message, authEvents: start + [elsewhere]) == (isTwelve ? "3.4" : "2.5"))
            let withoutCreate = try room.verdict(message, authEvents: [levels, member])
            #expect(withoutCreate == (isTwelve ? nil : "2.4"))
            if isTwelve { #expect(try room.verdict(message, authEvents: [create, member]) == "3.2") }
        }
    }

    @Test func aRoomMayBeClosedToOtherServers() throws {
        for (version, rule) in [(RoomVersion.v1, "3"), (.v11, "3"), (.v12, "4")] {
            var room = try TestRoom(version, create: ["m.federate": false])
            try room.setMembership(TestRoom.dave, "join")
            #expect(try room.verdict("m.room.message", by: TestRoom.dave) == rule)
            #expect(try room.verdict("m.room.message", by: TestRoom.bob) == nil)
            for open in [JSONValue.bool(true), 0, "false", .null] {
                var room = try TestRoom(version, create: ["m.federate": open])
                try room.setMembership(TestRoom.dave, "join")
                #expect(try room.verdict("m.room.message", by: TestRoom.dave) == nil)
            }
        }
    }

    @Test func onlyMembersSend() throws {
        for (version, rule) in [(RoomVersion.v1, "6"), (.v6, "5"), (.v11, "5"), (.v12, "6")] {
            var room = try TestRoom(version)
            #expect(try room.verdict("m.room.message", by: TestRoom.dave) == rule)
            for membership in ["leave", "ban", "invite", "knock", "odd"] {
                try room.setMembership(TestRoom.bob, membership)
                #expect(try room.verdict("m.room.message", by: TestRoom.bob) == rule)
            }
        }
    }

    @Test func thirdPartyInvitesNeedTheInviteLevel() throws {
        for (version, rule) in [(RoomVersion.v1, "7.1"), (.v6, "6.1"), (.v11, "6.1"), (.v12, "7.1")] {
            var room = try TestRoom(version)
            #expect(try room.verdict("m.room.third_party_invite", "token", by: TestRoom.carol) == nil)
            try room.setLevels(["invite": 50])
            #expect(try room.verdict("m.room.third_party_invite", "token", by: TestRoom.carol) == rule)
            #expect(try room.verdict("m.room.third_party_invite", "token", by: TestRoom.bob) == nil)
            #expect(try room.verdict("m.room.third_party_invite", "token", by: TestRoom.alice) == nil)
        }
    }

    @Test func eventTypesRequireLevels() throws {
        for (version, rule) in [(RoomVersion.v1, "8"), (.v6, "7"), (.v11, "7"), (.v12, "8")] {
            var room = try TestRoom(version)
            #expect(try room.verdict("m.room.message", by: TestRoom.carol) == nil)
            #expect(try room.verdict("m.room.name", "", by: TestRoom.carol) == rule)
            #expect(try room.verdict("m.room.name", "", by: TestRoom.bob) == nil)
            try room.setLevels(["events": ["m.room.name": 0, "m.room.message": 51], "events_default": 1])
            #expect(try room.verdict("m.room.name", "", by: TestRoom.carol) == nil)
            #expect(try room.verdict("m.room.message", by: TestRoom.bob) == rule)
            #expect(try room.verdict("m.room.message", by: TestRoom.alice) == nil)
            #expect(try room.verdict("other", by: TestRoom.carol) == rule)
            // The redact level is not considered from v3 on.
            try room.setLevels(["redact": 100])
            if !version.redactionAuth { #expect(try room.verdict("m.room.redaction", by: TestRoom.carol) == nil) }
        }
    }

    @Test func stateKeysOfUsersAreTheirOwn() throws {
        for (version, rule) in [(RoomVersion.v1, "9"), (.v6, "8"), (.v11, "8"), (.v12, "9")] {
            let room = try TestRoom(version)
            #expect(try room.verdict("org.example.status", TestRoom.bob, by: TestRoom.bob) == nil)
            #expect(try room.verdict("org.example.status", TestRoom.carol, by: TestRoom.bob) == rule)
            #expect(try room.verdict("org.example.status", "@", by: TestRoom.bob) == rule)
            #expect(try room.verdict("org.example.status", "_" + TestRoom.carol, by: TestRoom.bob) == nil)
        }
    }

    @Test func aliasesBelongToTheirServerUntilVersionFive() throws {
        for version in RoomVersion.all where version.aliasesSpecialAuth {
            let room = try TestRoom(version)
            #expect(try room.verdict("m.room.aliases", "other.example.org", by: TestRoom.dave) == nil)
            #expect(try room.verdict("m.room.aliases", "example.org", by: TestRoom.dave) == "4.2")
            #expect(try room.verdict("m.room.aliases", by: TestRoom.dave) == "4.1")
        }
        #expect(try TestRoom(.v6).verdict("m.room.aliases", "other.example.org", by: TestRoom.dave) == "5")
    }

    @Test func redactionsAreAuthorisedInTheFirstTwoVersions() throws {
        for version in [RoomVersion.v1, .v2] {
            let room = try TestRoom(version)
            func redaction(of target: String, by sender: String) throws -> String? {
                try room.verdict(room.event("m.room.redaction", by: sender, [:], with: ["redacts": .string(target)]))
            }
            #expect(try redaction(of: "$x:other.example.org", by: TestRoom.bob) == nil)
            #expect(try redaction(of: "$x:example.org", by: TestRoom.carol) == nil)
            #expect(try redaction(of: "$x:other.example.org", by: TestRoom.carol) == "11.3")
            #expect(try redaction(of: "nonsense", by: TestRoom.carol) == "11.3")
        }
    }
}
