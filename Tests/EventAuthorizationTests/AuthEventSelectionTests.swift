import CanonicalJSON
import EventAuthorization
import MatrixIdentifiers
import RoomVersions
import Testing

@Suite struct AuthEventSelectionTests {
    private func keys(
        _ type: String, _ stateKey: String?, _ content: JSONObject, _ version: RoomVersion
    ) throws -> [String] {
        let sender = try UserID(parsing: TestRoom.bob)
        return AuthEventSelection.keys(
            type: type, sender: sender, stateKey: stateKey, content: content, version: version
        )
        .map { "\($0.type)|\($0.stateKey)" }
    }

    private let base = ["m.room.power_levels|", "m.room.member|" + TestRoom.bob]

    @Test(arguments: RoomVersion.all)
    func everyEventNamesLevelsAndMembership(version: RoomVersion) throws {
        let create = version.createNotInAuthEvents ? [] : ["m.room.create|"]
        #expect(try keys("m.room.message", nil, [:], version) == create + base)
        #expect(try keys("m.room.create", "", [:], version) == [])
        let joined = try keys("m.room.member", TestRoom.bob, ["membership": "join"], version)
        #expect(joined == create + base + ["m.room.join_rules|"])
    }

    @Test func memberEventsNameTheirTarget() throws {
        let target = "m.room.member|" + TestRoom.carol
        let rules = "m.room.join_rules|"
        func keys(_ content: JSONObject) throws -> [String] {
            try self.keys("m.room.member", TestRoom.carol, content, .v12)
        }
        #expect(try keys(["membership": "leave"]) == base + [target])
        #expect(try keys(["membership": "ban"]) == base + [target])
        #expect(try keys(["membership": "invite"]) == base + [target, rules])
        #expect(try keys(["membership": "knock"]) == base + [target, rules])
        #expect(try keys(["membership": 3]) == base + [target])
        let invite: JSONObject = ["membership": "invite", "third_party_invite": ["signed": ["token": "t"]]]
        #expect(try keys(invite) == base + [target, rules, "m.room.third_party_invite|t"])
        let odd: JSONObject = ["membership": "invite", "third_party_invite": ["signed": "t"]]
        #expect(try keys(odd) == base + [target, rules])
    }

    @Test func restrictedJoinsNameTheirAuthoriser() throws {
        let content: JSONObject = ["join_authorised_via_users_server": "@alice:example.org", "membership": "join"]
        let own = try keys("m.room.member", TestRoom.bob, content, .v12)
        #expect(own == base + ["m.room.join_rules|", "m.room.member|" + TestRoom.alice])
        #expect(try !keys("m.room.member", TestRoom.bob, content, .v7).contains("m.room.member|" + TestRoom.alice))
        let itself: JSONObject = ["join_authorised_via_users_server": .string(TestRoom.bob), "membership": "join"]
        #expect(try keys("m.room.member", TestRoom.bob, itself, .v12) == base + ["m.room.join_rules|"])
    }
}
