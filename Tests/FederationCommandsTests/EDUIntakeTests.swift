import CanonicalJSON
import CommandHandling
import EventLog
import FederationCommands
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Queries
import ReadModel
import Testing

private let alice = IntakeHouse.alice
private let bob = IntakeHouse.bob
private let room = IntakeHouse.room

@Suite(.timeLimit(.minutes(10))) struct EDUIntakeTests {
    private func message(_ id: String, to device: String = "ONE", from sender: String = bob) -> JSONObject {
        [
            "sender": .string(sender), "type": "m.x", "message_id": .string(id),
            "messages": [alice: [device: ["id": .string(id)]], "@other:elsewhere.org": ["D": [:]]],
        ]
    }

    @Test func aMessageComesOnceHoweverOftenItIsBrought() async throws {
        let house = try IntakeHouse()
        let one = try await house.login(alice, "ONE")
        let two = try await house.login(alice, "TWO")
        try await house.take("m.direct_to_device", message("1"))
        try await house.take("m.direct_to_device", message("1"))
        // At the same time too.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { try await house.take("m.direct_to_device", message("2", to: "*")) }
            }
            try await group.waitForAll()
        }
        #expect(try house.messages(one).map { $0["content"]?["id"] } == ["1", "2"])
        #expect(try house.messages(two).map { $0["content"]?["id"] } == ["2"])
        #expect(try house.messages(one).first == ["sender": .string(bob), "type": "m.x", "content": ["id": "1"]])
        // Another server may use the same id; nobody may speak for others.
        try await house.take("m.direct_to_device", message("1", from: "@carol:c.org"), from: "c.org")
        try await house.take("m.direct_to_device", message("3"), from: "c.org")
        #expect(try house.messages(one).count == 3)
        let digests = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == digests)
        try house.close()
    }

    @Test func typingCountsOfThoseWhoAreThere() async throws {
        let house = try IntakeHouse()
        let caller = try await house.login(alice, "ONE")
        try await house.createRoom()
        func typing(_ user: String, _ isTyping: Bool = true) -> JSONObject {
            ["room_id": .string(room), "user_id": .string(user), "typing": .bool(isTyping)]
        }
        let sync = SyncQueries(
            views: house.views, ephemeral: house.ephemeral, notifier: ChangeNotifier(nowMs: { 0 }))
        func typists() throws -> JSONValue? {
            let answer = try sync.sync(
                SyncRequest(
                    asker: house.asker(caller), since: nil, filter: SyncFilter(), fullState: false,
                    useStateAfter: false))
            let body = try JSONObject.parse(answer.body)
            return body?["rooms"]?["join"]?[room]?["ephemeral"]?["events"]?.arrayValue?.first {
                $0["type"] == "m.typing"
            }?["content"]?["user_ids"]
        }
        try await house.take("m.typing", typing(bob), from: "c.org")
        try await house.take("m.typing", typing("@carol:c.org"), from: "c.org")
        try await house.take("m.typing", ["room_id": 1, "user_id": .string(bob), "typing": true])
        #expect(try typists() == nil || typists() == [])
        try await house.take("m.typing", typing(bob))
        #expect(try typists() == [.string(bob)])
        try await house.take("m.typing", typing(bob, false))
        #expect(try typists() == nil || typists() == [])
        try house.close()
    }

    @Test func receiptsAreThoseOfTheServersOwnUsers() async throws {
        let house = try IntakeHouse()
        _ = try await house.login(alice, "ONE")
        try await house.createRoom()
        let first = try await house.send("m.room.message", by: alice, stateKey: nil, in: room, ["body": "1"])
        let second = try await house.send("m.room.message", by: alice, stateKey: nil, in: room, ["body": "2"])
        func receipt(_ eventID: String, thread: String? = nil) -> JSONValue {
            var data: JSONObject = ["ts": 5]
            if let thread { data["thread_id"] = .string(thread) }
            return ["event_ids": [.string(eventID)], "data": .object(data)]
        }
        let queries = ReceiptQueries(views: house.views)
        func read(_ user: String, _ type: String = "m.read", thread: String? = nil) throws -> String? {
            try queries.receipt(RoomID(parsing: room), user: UserID(parsing: user), type: type, threadID: thread)?
                .eventID
        }
        try await house.take("m.receipt", [room: ["m.read": [alice: receipt(second), bob: receipt(second)]]])
        try await house.take("m.receipt", [room: ["m.read.private": [bob: receipt(first)]]])
        try await house.take("m.receipt", [room: ["m.read": [bob: receipt(first, thread: "main")]]])
        // Older than what was read already, and malformed.
        try await house.take("m.receipt", [room: ["m.read": [bob: receipt(first)]]])
        try await house.take("m.receipt", [room: ["m.read": [bob: ["event_ids": [], "data": ["ts": 1]]]]])
        #expect(try read(alice) == nil)
        #expect(try read(bob) == second)
        #expect(try read(bob, "m.read.private") == nil)
        #expect(try read(bob, thread: "main") == first)
        let head = house.log.durableHead
        try await house.take("m.receipt", [room: ["m.read": [bob: receipt(second)]]])
        #expect(house.log.durableHead == head)
        try house.close()
    }

    @Test func presenceIsRememberedOfThoseWhoShareARoom() async throws {
        let house = try IntakeHouse()
        _ = try await house.login(alice, "ONE")
        try await house.createRoom()
        try await house.createRoom("!away:b.org", with: ["@gone:b.org"])
        try await house.member("@gone:b.org", "leave", in: "!away:b.org")
        func update(_ user: String) -> JSONValue {
            [
                "user_id": .string(user), "presence": "online", "last_active_ago": 1_000, "currently_active": true,
                "status_msg": "x",
            ]
        }
        try await house.take(
            "m.presence", ["push": [update(bob), update(alice), update("@gone:b.org"), ["user_id": 1]]])
        let known = house.ephemeral.presence.everybody
        let number = try #require(try AccountQueries(views: house.views).number(of: UserID(parsing: bob)))
        #expect(known.map(\.user) == [number])
        let entry = try #require(known.first?.entry)
        #expect(entry.availability == .online && entry.isActive && entry.statusMessage == "x")
        #expect(entry.lastActiveMs == 1_700_000_000_000 - 1_000)
        try house.close()
    }

    /// Whatever the members are, nothing traps and nothing is believed.
    @Test func malformedContentIsPassedOver() async throws {
        let house = try IntakeHouse()
        _ = try await house.login(alice, "ONE")
        try await house.createRoom()
        let values: [JSONValue] = [
            .null, true, -1, .integer(.max), .integer(.min), "", "@bob:b.org", .string(room), [], [[]], [:],
            ["@alice:test": []], [room: [:]], ["push": [1]], ["m.read": ["@bob:b.org": 1]],
        ]
        let names = [
            "user_id", "room_id", "typing", "push", "sender", "type", "message_id", "messages", "device_id",
            "stream_id", "prev_id", "deleted", "keys", "master_key", "self_signing_key", room,
        ]
        let types = [
            "m.typing", "m.receipt", "m.presence", "m.direct_to_device", "m.device_list_update",
            "m.signing_key_update", "other",
        ]
        for type in types {
            for name in names {
                for value in values {
                    var content: JSONObject = ["user_id": .string(bob), "sender": .string(bob), "device_id": "D"]
                    content[name] = value
                    try await house.take(type, content)
                }
            }
        }
        try house.close()
    }
}
