import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import MatrixIdentifiers
import Queries
import ReadModel
import Testing

@Suite("Room commands") struct RoomCommandsTests {
    private func errcode(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "accepted"
        } catch let rejection as Rejection {
            return rejection.errcode
        } catch {
            return "\(error)"
        }
    }

    @Test func aRoomBeginsAsTheSpecificationOrdersIt() async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let room = try await house.rooms.createRoom(
            ["preset": "private_chat", "name": "N", "topic": "T", "invite": ["@bob:test"]], caller: alice)
        let types = try RoomQueries(views: house.views).fullState(room).sorted { $0.position < $1.position }.map(\.type)
        #expect(
            types == [
                "m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules",
                "m.room.history_visibility", "m.room.guest_access", "m.room.name", "m.room.topic", "m.room.member",
            ])
        #expect(room.serverName == nil, "a room of version 12 has no domain")
        try house.close()
    }

    @Test func aRepeatedTransactionGivesTheSameEvent() async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let room = try await house.rooms.createRoom([:], caller: alice)
        let send = { @Sendable (text: String) in
            try await house.rooms.send(
                room: room, type: "m.room.message", content: ["body": .string(text)], transactionID: "t1", caller: alice
            )
        }
        // At the same time, and once more after the commit.
        async let first = send("one")
        async let second = send("two")
        let ids = try await [first, second, send("three")]
        #expect(Set(ids).count == 1)
        try house.close()
    }

    @Test func manySendersShareTheHeadAndNothingIsLost() async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let room = try await house.rooms.createRoom(["preset": "public_chat"], caller: alice)
        let ids = try await withThrowingTaskGroup(of: EventID.self) { group in
            for index in 0..<200 {
                group.addTask {
                    try await house.rooms.send(
                        room: room, type: "m.room.message", content: ["n": .integer(Int64(index))],
                        transactionID: "t\(index)", caller: alice)
                }
            }
            return try await group.reduce(into: Set<EventID>()) { $0.insert($1) }
        }
        #expect(ids.count == 200)
        let head = try #require(try RoomQueries(views: house.views).head(room))
        #expect(head.forwardExtremities.count == 1, "a chain, not a fan")
        #expect(head.maxDepth == Int64(head.eventCount))
        // What was decided on heads that were not on the disk yet stands up to a second look.
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        for record in try house.log.read(from: LogPosition(rawValue: 1), limit: 1000) { try audit.check(record) }
        #expect(audit.differences.isEmpty)
        #expect(audit.checkedPDUs == 206)
        try house.close()
    }

    @Test func membershipFollowsTheRules() async throws {
        let house = try HouseFixture()
        let (alice, bob) = (try house.caller("alice"), try house.caller("bob"))
        let room = try await house.rooms.createRoom(["preset": "private_chat"], caller: alice)
        #expect(await errcode { _ = try await house.rooms.join(room: room, extra: [:], caller: bob) } == "M_FORBIDDEN")
        try await house.rooms.invite(room: room, user: bob.userID, extra: [:], caller: alice)
        _ = try await house.rooms.join(room: room, extra: [:], caller: bob)
        #expect(
            await errcode { try await house.rooms.invite(room: room, user: bob.userID, extra: [:], caller: alice) }
                == "M_FORBIDDEN")
        #expect(
            await errcode { try await house.rooms.kick(room: room, user: alice.userID, reason: nil, caller: bob) }
                == "M_FORBIDDEN")
        try await house.rooms.ban(room: room, user: bob.userID, reason: "x", caller: alice)
        #expect(await errcode { _ = try await house.rooms.join(room: room, extra: [:], caller: bob) } == "M_FORBIDDEN")
        #expect(await errcode { try await house.rooms.leave(room: room, extra: [:], caller: bob) } == "M_FORBIDDEN")
        try await house.rooms.unban(room: room, user: bob.userID, reason: nil, caller: alice)
        try await house.rooms.forget(room: room, caller: bob)
        #expect(try RoomQueries(views: house.views).membership(room, bob.userID)?.membership == .leave)
        try house.close()
    }

    @Test func aliasesAreUniqueAlsoWhenAskedForAtOnce() async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let outcomes = await withTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    await errcode { _ = try await house.rooms.createRoom(["room_alias_name": "one"], caller: alice) }
                }
            }
            return await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == "accepted" } == 1)
        #expect(outcomes.count { $0 == "M_ROOM_IN_USE" } == 7)
        try house.close()
    }

    @Test func redactionNeedsPowerOrAuthorship() async throws {
        let house = try HouseFixture()
        let (alice, bob) = (try house.caller("alice"), try house.caller("bob"))
        let room = try await house.rooms.createRoom(["preset": "public_chat"], caller: alice)
        _ = try await house.rooms.join(room: room, extra: [:], caller: bob)
        let own = try await house.rooms.send(
            room: room, type: "m.room.message", content: ["body": "b"], transactionID: nil, caller: bob)
        let other = try await house.rooms.send(
            room: room, type: "m.room.message", content: ["body": "a"], transactionID: nil, caller: alice)
        let refused = await errcode {
            _ = try await house.rooms.redact(room: room, eventID: other, reason: nil, transactionID: nil, caller: bob)
        }
        #expect(refused == "M_FORBIDDEN")
        _ = try await house.rooms.redact(room: room, eventID: own, reason: "typo", transactionID: "r", caller: bob)
        let event = try #require(try RoomQueries(views: house.views).event(own))
        #expect(event.isRedacted)
        #expect(try event.content().isEmpty)
        try house.close()
    }

    private static let refusals: [(String, String)] = [
        (#"{"preset":"nonsense"}"#, "M_INVALID_PARAM"), (#"{"visibility":5}"#, "M_BAD_JSON"),
        (#"{"room_version":"99"}"#, "M_UNSUPPORTED_ROOM_VERSION"), (#"{"invite":["nobody"]}"#, "M_INVALID_PARAM"),
        (#"{"initial_state":[{"type":"x"}]}"#, "M_BAD_JSON"), (#"{"room_alias_name":"a:b"}"#, "M_INVALID_PARAM"),
        (#"{"power_level_content_override":{"events_default":1000,"users_default":-5}}"#, "accepted"),
    ]

    @Test(arguments: refusals) func createRoomRefusesWhatItCannotDo(_ body: String, _ expected: String) async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let object = try #require(try JSONValue.parse(Array(body.utf8)).objectValue)
        #expect(await errcode { _ = try await house.rooms.createRoom(object, caller: alice) } == expected)
        try house.close()
    }

    @Test func anEventThatIsTooLargeIsRefusedWhole() async throws {
        let house = try HouseFixture()
        let alice = try house.caller("alice")
        let name = JSONValue.string(String(repeating: "n", count: 70_000))
        #expect(await errcode { _ = try await house.rooms.createRoom(["name": name], caller: alice) } == "M_TOO_LARGE")
        #expect(try RoomQueries(views: house.views).joinedRooms(alice.userID).isEmpty)
        try house.close()
    }
}
