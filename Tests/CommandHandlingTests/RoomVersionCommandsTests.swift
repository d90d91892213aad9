import CanonicalJSON
import CommandHandling
import EventLog
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions
import Testing

@Suite("Room commands in every room version") struct RoomVersionCommandsTests {
    @Test(arguments: RoomVersion.all)
    func aRoomLives(version: RoomVersion) async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let bob = try house.caller("bob")
        let room = try await house.rooms.createRoom(
            ["preset": "public_chat", "room_version": .string(version.id), "name": "N"], caller: alice)
        _ = try await house.rooms.join(room: room, extra: ["org.example.note": "hi"], caller: bob)
        let message = try await house.rooms.send(
            room: room, type: "m.room.message", content: ["body": "one"], transactionID: nil, caller: bob)
        _ = try await house.rooms.redact(
            room: room, eventID: message, reason: "no", transactionID: nil, caller: alice)
        try await house.rooms.kick(room: room, user: bob.userID, reason: nil, caller: alice)
        let queries = RoomQueries(views: house.views)
        #expect(try queries.event(message)?.isRedacted == true)
        #expect(try queries.head(room)?.roomVersion == version.id)
        #expect(try queries.membership(room, bob.userID)?.membership == .leave)
        // Hashes, signatures, identifiers and authorization hold when they are computed again.
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        for record in try house.log.read(from: LogPosition(rawValue: 1), limit: 1000) { try audit.check(record) }
        #expect(audit.differences.isEmpty)
        #expect(audit.checkedPDUs == 11)
        try house.close()
    }

    @Test func aJoinKeepsFurtherMembersButNotThoseOfTheServer() async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let bob = try house.caller("bob")
        let room = try await house.rooms.createRoom(["preset": "public_chat"], caller: alice)
        _ = try await house.rooms.join(
            room: room,
            extra: ["org.example.note": "hi", "membership": "ban", "join_authorised_via_users_server": "@alice:test"],
            caller: bob)
        let queries = RoomQueries(views: house.views)
        let stored = try queries.currentState(room, type: "m.room.member", stateKey: "@bob:test")
        let content = try #require(try stored?.content())
        #expect(content["org.example.note"] == "hi")
        #expect(content["membership"] == "join")
        #expect(content["join_authorised_via_users_server"] == nil)
        try house.close()
    }

    @Test func roomsCreatedAlikeInTheSameMillisecondAreDifferentRooms() async throws {
        // The clock of the house stands.
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let rooms = try await withThrowingTaskGroup(of: RoomID.self) { group in
            for _ in 0..<12 { group.addTask { try await house.rooms.createRoom([:], caller: alice) } }
            return try await group.reduce(into: Set<RoomID>()) { $0.insert($1) }
        }
        #expect(rooms.count == 12)
        try house.close()
    }
}
