import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

/// The rules for `m.room.power_levels`; their number is 9 in v11 and 10 in v12, where rule 10.4 moves the later ones on.
@Suite struct PowerLevelsRulesTests {
    private typealias Room = TestRoom

    private func verdict(_ content: JSONObject, by sender: String, in room: TestRoom) throws -> String? {
        try room.verdict("m.room.power_levels", "", by: sender, content)
    }

    private static let properties = [
        "users_default", "events_default", "state_default", "ban", "redact", "kick", "invite",
    ]

    @Test func levelsMustBeIntegersFromVersionTenOn() throws {
        for (version, rule) in [(RoomVersion.v10, "9"), (.v11, "9"), (.v12, "10")] {
            let room = try Room(version)
            for property in Self.properties {
                for bad in [JSONValue.string("50"), .null, true, [], [:]] {
                    #expect(try verdict(room.levels([property: bad]), by: Room.alice, in: room) == "\(rule).1")
                }
                #expect(try verdict(room.levels([property: -50]), by: Room.alice, in: room) == nil)
            }
            for table in ["events", "notifications"] {
                for bad in [JSONValue.string("50"), .null, [], ["a": "50"], ["a": 1, "b": .null]] {
                    #expect(try verdict(room.levels([table: bad]), by: Room.alice, in: room) == "\(rule).2")
                }
                #expect(try verdict(room.levels([table: ["a": 1]]), by: Room.alice, in: room) == nil)
            }
            for bad in [JSONValue.string("50"), .null, [], ["bob": 50], ["@b": 1], [Room.bob: "50"], [Room.bob: .null]]
            {
                #expect(try verdict(room.levels(["users": bad]), by: Room.alice, in: room) == "\(rule).3")
            }
        }
    }

    @Test func olderVersionsTakeStrings() throws {
        for version in RoomVersion.all where version.stringPowerLevels {
            let room = try Room(version)
            let rule = version.aliasesSpecialAuth ? "10" : "9"
            let content: JSONObject = ["ban": "60", "users": [Room.alice: "100", Room.bob: " +050 "]]
            #expect(try verdict(content, by: Room.alice, in: room) == nil)
            #expect(try verdict(["users": [Room.bob: "x"]], by: Room.alice, in: room) == "\(rule).1")
            #expect(try verdict(["users": "x"], by: Room.alice, in: room) == "\(rule).1")
            #expect(try verdict(["users": ["x": 1]], by: Room.alice, in: room) == "\(rule).1")
        }
    }

    @Test func creatorsCannotBeNamed() throws {
        let room = try Room(.v12, create: ["additional_creators": ["@carol:example.org"]])
        #expect(try verdict(["users": [Room.alice: 100]], by: Room.alice, in: room) == "10.4")
        #expect(try verdict(["users": [Room.carol: 0]], by: Room.alice, in: room) == "10.4")
        #expect(try verdict(["users": [Room.bob: 50]], by: Room.alice, in: room) == nil)
        #expect(try verdict(["users": [Room.bob: 50]], by: Room.carol, in: room) == nil)
    }

    @Test func theFirstEventIsFree() throws {
        for version in [RoomVersion.v11, .v12] {
            var room = try Room(version)
            room.state.remove(type: "m.room.power_levels", stateKey: "")
            #expect(try verdict(["ban": 1_000, "users": [Room.bob: 2_000]], by: Room.alice, in: room) == nil)
            #expect(try verdict([:], by: Room.bob, in: room) == (version == .v12 ? "8" : "7"))
        }
    }

    @Test func propertiesAreBoundByTheSendersLevel() throws {
        for (version, rule) in [(RoomVersion.v5, "10.3"), (.v6, "9.3"), (.v11, "9.5"), (.v12, "10.6")] {
            for property in Self.properties where property != "users_default" {
                var room = try Room(version)
                #expect(try verdict(room.levels([property: 50]), by: Room.bob, in: room) == nil)
                #expect(try verdict(room.levels([property: 51]), by: Room.bob, in: room) == "\(rule).2")
                #expect(try verdict(room.levels([property: 51]), by: Room.alice, in: room) == nil)
                try room.setLevels([property: 51, "events": ["m.room.power_levels": 0]])
                let others: JSONObject = ["events": ["m.room.power_levels": 0]]
                #expect(try verdict(room.levels(others.merging([property: 51])), by: Room.bob, in: room) == nil)
                #expect(try verdict(room.levels(others.merging([property: 10])), by: Room.bob, in: room) == "\(rule).1")
                #expect(try verdict(room.levels(others), by: Room.bob, in: room) == "\(rule).1")
            }
        }
    }

    @Test func tablesAreBoundByTheSendersLevel() throws {
        for (version, removed, added) in [
            (RoomVersion.v5, "10.4.1", "10.5.1"), (.v6, "9.4.1", "9.5.1"), (.v11, "9.6.1", "9.7.1"),
            (.v12, "10.7.1", "10.8.1"),
        ] {
            for table in ["events", "notifications"] {
                var room = try Room(version)
                try room.setLevels([table: ["high": 100, "low": 50]])
                func change(_ entries: JSONObject, by sender: String = Room.bob) throws -> String? {
                    try verdict(room.levels([table: .object(entries)]), by: sender, in: room)
                }
                let isChecked = table == "events" || version.notificationsPowerLevelAuth
                #expect(try change(["high": 100, "low": 50]) == nil)
                #expect(try change(["high": 100, "low": 20, "new": 50]) == nil)
                #expect(try change(["high": 100]) == nil)
                #expect(try change(["high": 10, "low": 50]) == (isChecked ? removed : nil))
                #expect(try change(["low": 50]) == (isChecked ? removed : nil))
                #expect(try change(["high": 100, "low": 51]) == (isChecked ? added : nil))
                #expect(try change(["high": 100, "new": 51]) == (isChecked ? added : nil))
                #expect(try change(["high": 10, "new": 51], by: Room.alice) == nil)
            }
        }
    }

    @Test func usersAreBoundByTheSendersLevel() throws {
        for (version, removed, added) in [
            (RoomVersion.v5, "10.6.1", "10.7.1"), (.v6, "9.6.1", "9.7.1"), (.v11, "9.8.1", "9.9.1"),
            (.v12, "10.9.1", "10.10.1"),
        ] {
            var room = try Room(version)
            let start: JSONObject = [Room.bob: 50, Room.carol: 10, "@peer:example.org": 50, "@high:example.org": 70]
            try room.setLevels(["users": .object(start)])
            func change(_ entries: JSONObject) throws -> String? {
                try verdict(["users": .object(start.merging(entries))], by: Room.bob, in: room)
            }
            #expect(try change([Room.carol: 50]) == nil)
            #expect(try change([Room.carol: 51]) == added)
            #expect(try change([Room.dave: 50]) == nil)
            #expect(try change([Room.dave: 51]) == added)
            #expect(try change(["@peer:example.org": 49]) == removed)
            #expect(try change(["@high:example.org": 0]) == removed)
            // One's own level can be lowered and taken away, not raised.
            #expect(try change([Room.bob: 0]) == nil)
            #expect(try change([Room.bob: 51]) == added)
            #expect(
                try verdict(["users": .object(start.filter { key, _ in key != Room.bob })], by: Room.bob, in: room)
                    == nil)
            #expect(try verdict(["users": [Room.bob: 50]], by: Room.bob, in: room) == removed)
            #expect(try verdict([:], by: Room.bob, in: room) == removed)
        }
    }

    /// "the sender's current power level" of a creator is infinite.
    @Test func creatorsOfVersionTwelveAreBoundByNothing() throws {
        var room = try Room(.v12)
        let top: JSONValue = 9_007_199_254_740_991
        try room.setLevels(["ban": top, "users": [Room.bob: top]])
        #expect(try verdict(["ban": 1, "users": [:]], by: Room.alice, in: room) == nil)
        #expect(
            try verdict(["ban": top, "events": ["a": top], "users": [Room.bob: top]], by: Room.alice, in: room) == nil)
    }
}
