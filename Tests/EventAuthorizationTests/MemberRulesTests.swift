import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

/// The rules for `m.room.member`; their number is 4 in v11 and 5 in v12.
@Suite struct MemberRulesTests {
    private typealias Room = TestRoom

    /// The versions under test with the number of the rule.
    private static let versions: [(RoomVersion, String)] = [(.v11, "4"), (.v12, "5")]

    @Test func formIsChecked() throws {
        for (version, rule) in Self.versions {
            let room = try Room(version)
            #expect(try room.verdict("m.room.member", by: Room.bob, ["membership": "join"]) == "\(rule).1")
            #expect(try room.verdict("m.room.member", Room.bob, by: Room.bob, [:]) == "\(rule).1")
            for odd in [JSONValue.string("odd"), "", 3, .null, [:], "JOIN"] {
                #expect(try room.verdict("m.room.member", Room.bob, by: Room.bob, ["membership": odd]) == "\(rule).8")
            }
        }
        #expect(try Room(.v5).verdict("odd", of: Room.bob, by: Room.bob) == "5.6")
        #expect(try Room(.v6).verdict("odd", of: Room.bob, by: Room.bob) == "4.6")
        #expect(try Room(.v7).verdict("odd", of: Room.bob, by: Room.bob) == "4.7")
        #expect(try Room(.v6).verdict("knock", of: Room.dave, by: Room.dave) == "4.6")
    }

    @Test func theAuthorisersServerMustSign() throws {
        for (version, rule) in Self.versions {
            let room = try Room(version)
            func verdict(_ authoriser: JSONValue, signed: Bool) throws -> String? {
                let content: JSONObject = ["join_authorised_via_users_server": authoriser, "membership": "join"]
                return try room.verdict(
                    room.event("m.room.member", Room.bob, by: Room.bob, content), isSignedByAuthoriser: signed)
            }
            #expect(try verdict("@alice:example.org", signed: true) == nil)
            #expect(try verdict("@alice:example.org", signed: false) == "\(rule).2.1")
            #expect(try verdict("alice", signed: true) == "\(rule).2.1")
            #expect(try verdict(3, signed: true) == "\(rule).2.1")
        }
        let old = try Room(.v7)
        let content: JSONObject = ["join_authorised_via_users_server": 3]
        #expect(try old.verdict("join", of: Room.bob, by: Room.bob, content) == nil)
    }

    @Test func theCreatorJoinsFirst() throws {
        for version in RoomVersion.all {
            var room = try Room(version)
            room.state.remove(type: "m.room.member", stateKey: Room.alice)
            room.state.remove(type: "m.room.join_rules", stateKey: "")
            func join(_ user: String, after previous: String) throws -> String? {
                let link = room.link(previous)
                return try room.verdict(
                    room.event(
                        "m.room.member", user, by: user, ["membership": "join"],
                        with: ["prev_events": link, "auth_events": link]))
            }
            #expect(try join(Room.alice, after: room.createID.rawValue) == nil)
            #expect(try join(Room.alice, after: "$else") != nil)
            #expect(try join(Room.dave, after: room.createID.rawValue) != nil)
        }
    }

    /// Without the create event's ID, v11 tells it by its being the only auth event, and v12 by the room ID.
    @Test func theCreateEventIsToldByItsPlace() throws {
        for version in [RoomVersion.v11, .v12] {
            var room = try Room(version)
            room.state.remove(type: "m.room.member", stateKey: Room.alice)
            let link = room.link(room.createID.rawValue)
            let auth: JSONValue = version == .v11 ? link : []
            let first = try room.event(
                "m.room.member", Room.alice, by: Room.alice, ["membership": "join"],
                with: ["prev_events": link, "auth_events": auth])
            #expect(throws: Never.self) {
                try EventAuthorizer.check(
                    first, eventID: EventID(parsing: "$e"), roomID: room.roomID, version: version, state: room.state)
            }
        }
    }

    @Test func joining() throws {
        for (version, rule) in Self.versions {
            var room = try Room(version)
            #expect(try room.verdict("join", of: Room.dave, by: Room.bob) == "\(rule).3.2")
            #expect(try room.verdict("join", of: Room.dave, by: Room.dave) == "\(rule).3.7")
            #expect(try room.verdict("join", of: Room.bob, by: Room.bob) == nil)
            for (joinRule, invited, stranger) in [
                ("public", nil, nil), ("invite", nil, "7"), ("knock", nil, "7"), ("private", "7", "7"),
                ("odd", "7", "7"),
                ("restricted", nil, "5.2"), ("knock_restricted", nil, "5.2"),
            ] as [(String, String?, String?)] {
                try room.setJoinRule(joinRule)
                try room.setMembership(Room.dave, "invite")
                #expect(try room.verdict("join", of: Room.dave, by: Room.dave) == invited.map { "\(rule).3.\($0)" })
                for before in ["leave", "knock", "odd"] {
                    try room.setMembership(Room.dave, before)
                    #expect(
                        try room.verdict("join", of: Room.dave, by: Room.dave) == stranger.map { "\(rule).3.\($0)" })
                }
                try room.setMembership(Room.dave, "ban")
                #expect(try room.verdict("join", of: Room.dave, by: Room.dave) == "\(rule).3.3")
            }
            room.state.remove(type: "m.room.join_rules", stateKey: "")
            try room.setMembership(Room.dave, "invite")
            #expect(try room.verdict("join", of: Room.dave, by: Room.dave) == nil)
        }
    }

    @Test func joinRulesBeginWithTheirVersions() throws {
        for version in RoomVersion.all {
            var room = try Room(version)
            try room.setMembership(Room.dave, "invite")
            func joins(_ rule: String) throws -> Bool {
                try room.setJoinRule(rule)
                return try room.verdict("join", of: Room.dave, by: Room.dave) == nil
            }
            #expect(try joins("knock") == version.knock)
            #expect(try joins("restricted") == version.restrictedJoin)
            #expect(try joins("knock_restricted") == version.knockRestricted)
        }
    }

    @Test func restrictedJoinsNeedAMemberWhoMayInvite() throws {
        for (version, rule) in Self.versions {
            for joinRule in ["restricted", "knock_restricted"] {
                var room = try Room(version)
                try room.setJoinRule(joinRule)
                func join(by authoriser: JSONValue) throws -> String? {
                    try room.verdict(
                        "join", of: Room.dave, by: Room.dave, ["join_authorised_via_users_server": authoriser])
                }
                #expect(try join(by: .string(Room.carol)) == nil)
                #expect(try join(by: .string(Room.dave)) == "\(rule).3.5.2")
                #expect(try join(by: "@nobody:example.org") == "\(rule).3.5.2")
                try room.setLevels(["invite": 50])
                #expect(try join(by: .string(Room.carol)) == "\(rule).3.5.2")
                #expect(try join(by: .string(Room.bob)) == nil)
                #expect(try join(by: .string(Room.alice)) == nil)
                try room.setMembership(Room.bob, "leave")
                #expect(try join(by: .string(Room.bob)) == "\(rule).3.5.2")
            }
        }
    }

    @Test func inviting() throws {
        for (version, rule) in Self.versions {
            var room = try Room(version)
            #expect(try room.verdict("invite", of: Room.dave, by: Room.carol) == nil)
            #expect(try room.verdict("invite", of: "@new:example.org", by: Room.dave) == "\(rule).4.2")
            #expect(try room.verdict("invite", of: Room.bob, by: Room.carol) == "\(rule).4.3")
            try room.setMembership(Room.dave, "ban")
            #expect(try room.verdict("invite", of: Room.dave, by: Room.alice) == "\(rule).4.3")
            for before in ["leave", "invite", "knock"] {
                try room.setMembership(Room.dave, before)
                #expect(try room.verdict("invite", of: Room.dave, by: Room.carol) == nil)
            }
            try room.setLevels(["invite": 50])
            #expect(try room.verdict("invite", of: Room.dave, by: Room.carol) == "\(rule).4.5")
            #expect(try room.verdict("invite", of: Room.dave, by: Room.bob) == nil)
        }
    }

    @Test func leaving() throws {
        for (version, rule) in Self.versions {
            var room = try Room(version)
            for before in ["invite", "join", "knock"] {
                try room.setMembership(Room.dave, before)
                #expect(try room.verdict("leave", of: Room.dave, by: Room.dave) == nil)
            }
            for before in ["leave", "ban", "odd"] {
                try room.setMembership(Room.dave, before)
                #expect(try room.verdict("leave", of: Room.dave, by: Room.dave) == "\(rule).5.1")
            }
            #expect(try room.verdict("leave", of: Room.carol, by: Room.dave) == "\(rule).5.2")
            // Kicking: Bob has 50, which is the kick and the ban level.
            #expect(try room.verdict("leave", of: Room.carol, by: Room.bob) == nil)
            #expect(try room.verdict("leave", of: Room.bob, by: Room.carol) == "\(rule).5.5")
            #expect(try room.verdict("leave", of: Room.alice, by: Room.bob) == "\(rule).5.5")
            #expect(try room.verdict("leave", of: "not a user ID", by: Room.bob) == nil)
            // Unbanning.
            try room.setMembership(Room.dave, "ban")
            #expect(try room.verdict("leave", of: Room.dave, by: Room.bob) == nil)
            try room.setLevels(["ban": 60])
            #expect(try room.verdict("leave", of: Room.dave, by: Room.bob) == "\(rule).5.3")
            #expect(try room.verdict("leave", of: Room.dave, by: Room.alice) == nil)
            try room.setLevels(["kick": 60])
            #expect(try room.verdict("leave", of: Room.dave, by: Room.bob) == "\(rule).5.5")
        }
        var old = try Room(.v6)
        try old.setMembership(Room.dave, "knock")
        #expect(try old.verdict("leave", of: Room.dave, by: Room.dave) == "4.4.1")
    }

    @Test func banning() throws {
        for (version, rule) in Self.versions {
            var room = try Room(version)
            #expect(try room.verdict("ban", of: Room.carol, by: Room.dave) == "\(rule).6.1")
            #expect(try room.verdict("ban", of: Room.carol, by: Room.bob) == nil)
            #expect(try room.verdict("ban", of: Room.dave, by: Room.bob) == nil)
            #expect(try room.verdict("ban", of: Room.dave, by: Room.carol) == "\(rule).6.3")
            #expect(try room.verdict("ban", of: Room.bob, by: Room.bob) == "\(rule).6.3")
            #expect(try room.verdict("ban", of: Room.alice, by: Room.bob) == "\(rule).6.3")
            try room.setLevels(["ban": 51])
            #expect(try room.verdict("ban", of: Room.carol, by: Room.bob) == "\(rule).6.3")
        }
    }

    @Test func creatorsOfVersionTwelveCannotBeRemoved() throws {
        var room = try Room(.v12, create: ["additional_creators": ["@bob:example.org"]])
        #expect(try room.verdict("ban", of: Room.bob, by: Room.alice) == "5.6.3")
        #expect(try room.verdict("leave", of: Room.alice, by: Room.bob) == "5.5.5")
        try room.setLevels(["ban": 9_007_199_254_740_991, "users": [Room.carol: 9_007_199_254_740_991]])
        #expect(try room.verdict("ban", of: Room.bob, by: Room.carol) == "5.6.3")
        #expect(try room.verdict("ban", of: Room.carol, by: Room.bob) == nil)
    }

    @Test func knocking() throws {
        for (version, rule) in Self.versions {
            var room = try Room(version)
            for joinRule in ["public", "invite", "private", "restricted", "odd"] {
                try room.setJoinRule(joinRule)
                #expect(try room.verdict("knock", of: Room.dave, by: Room.dave) == "\(rule).7.1")
            }
            for joinRule in ["knock", "knock_restricted"] {
                try room.setJoinRule(joinRule)
                #expect(try room.verdict("knock", of: Room.dave, by: Room.bob) == "\(rule).7.2")
                for (before, isAllowed) in [
                    ("leave", true), ("knock", true), ("ban", false), ("invite", false), ("join", false),
                ] {
                    try room.setMembership(Room.dave, before)
                    #expect(
                        try room.verdict("knock", of: Room.dave, by: Room.dave) == (isAllowed ? nil : "\(rule).7.4"))
                }
                room.state.remove(type: "m.room.member", stateKey: Room.dave)
                #expect(try room.verdict("knock", of: Room.dave, by: Room.dave) == nil)
            }
        }
        var old = try Room(.v9)
        try old.setJoinRule("knock_restricted")
        #expect(try old.verdict("knock", of: Room.dave, by: Room.dave) == "4.7.1")
    }
}
