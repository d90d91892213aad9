import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

@Suite struct CreateRulesTests {
    private func content(_ version: RoomVersion, _ changes: JSONObject = [:]) -> JSONObject {
        let base: JSONObject = version.createWithoutCreator ? [:] : ["creator": "@alice:example.org"]
        return base.merging(changes)
    }

    @Test(arguments: RoomVersion.all)
    func aProperCreateEventIsAllowed(version: RoomVersion) throws {
        let room = try TestRoom(version)
        #expect(try room.verdict("m.room.create", "", by: TestRoom.alice, content(version)) == nil)
        let named = content(version, ["room_version": .string(version.id)])
        #expect(try room.verdict("m.room.create", "", by: TestRoom.alice, named) == nil)
    }

    @Test(arguments: RoomVersion.all)
    func rulesOfEveryVersion(version: RoomVersion) throws {
        let room = try TestRoom(version)
        let content = content(version)
        let later = try room.event(
            "m.room.create", "", by: TestRoom.alice, content, with: ["prev_events": room.link("$p")])
        #expect(try room.verdict(later) == "1.1")
        let unknown = content.merging(["room_version": "org.example.odd"])
        #expect(try room.verdict("m.room.create", "", by: TestRoom.alice, unknown) == "1.3")
        let number = content.merging(["room_version": 11])
        #expect(try room.verdict("m.room.create", "", by: TestRoom.alice, number) == "1.3")
        if version.roomIDIsCreateHash {
            let withRoom = try room.event(
                "m.room.create", "", by: TestRoom.alice, content, with: ["room_id": "!create"])
            #expect(try room.verdict(withRoom) == "1.2")
        } else {
            #expect(try room.verdict("m.room.create", "", by: TestRoom.dave, content) == "1.2")
        }
        if !version.createWithoutCreator {
            #expect(try room.verdict("m.room.create", "", by: TestRoom.alice, [:]) == "1.4")
        }
    }

    @Test func additionalCreatorsMustBeUserIDs() throws {
        let room = try TestRoom(.v12)
        let good: [JSONValue] = [[], ["@bob:example.org"], ["@bob:example.org", "@bob:example.org"]]
        for list in good {
            #expect(try room.verdict("m.room.create", "", by: TestRoom.alice, ["additional_creators": list]) == nil)
        }
        let bad: [JSONValue] = [.null, "@bob:example.org", [:], ["bob"], ["@bob"], [3], ["@bob:example.org", .null]]
        for list in bad {
            #expect(try room.verdict("m.room.create", "", by: TestRoom.alice, ["additional_creators": list]) == "1.4")
        }
        // Before v12 the property means nothing.
        let old = try TestRoom(.v11)
        #expect(try old.verdict("m.room.create", "", by: TestRoom.alice, ["additional_creators": 3]) == nil)
    }
}
