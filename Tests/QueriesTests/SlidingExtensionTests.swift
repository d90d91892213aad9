import CanonicalJSON
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import Testing

@Suite("Sliding sync: extensions") struct SlidingExtensionTests {
    private func body(_ extensions: JSONValue, to last: Int = 9, limit: Int = 3) -> JSONObject {
        ["lists": ["a": SlidingSyncTests.list(0, last, limit: limit)], "extensions": extensions]
    }

    private func roomNumber(_ world: World, _ name: String) throws -> RoomNum {
        try #require(try world.views.read { try $0.room($1, name) })
    }

    @Test("account data, global and of rooms, once each, and when a room comes into the window")
    func accountData() throws {
        let world = try World()
        for name in ["!a:x", "!b:x"] {
            try world.createRoom(name, by: alice)
            try world.record(AccountDataSet(userID: alice, roomID: name, type: "m.tag", content: ["n": 1]))
        }
        try world.record(AccountDataSet(userID: alice, type: "t", content: ["n": 1]))
        let wanted: JSONValue = ["account_data": ["enabled": true]]
        var client = SlidingClient(world, alice)
        try client.sync(body(wanted, to: 0))
        #expect(client.accountData["t"] == ["n": 1])
        #expect(client.accountData["m.push_rules"]?["global"] != nil)
        #expect(client.accountData["!b:x m.tag"] == ["n": 1])
        #expect(client.accountData["!a:x m.tag"] == nil)
        let second = try client.sync(body(wanted))
        #expect(client.accountData["!a:x m.tag"] == ["n": 1])
        #expect(second["extensions"]?["account_data"]?["global"] == [])
        #expect(second["extensions"]?["account_data"]?["rooms"]?.objectValue?.keys == ["!a:x"])
        try world.record(AccountDataSet(userID: alice, roomID: "!b:x", type: "m.tag", content: ["n": 2]))
        try world.record(AccountDataSet(userID: alice, type: "t", content: ["n": 2]))
        #expect(try client.ask(body(wanted), pos: client.pos).hasNews)
        // Off and on again: nothing is missing.
        try client.sync(body([:]))
        #expect(client.accountData["t"] == ["n": 1])
        try client.sync(body(wanted))
        #expect(client.accountData["t"] == ["n": 2])
        #expect(client.accountData["!b:x m.tag"] == ["n": 2])
        #expect(try client.ask(body(wanted), pos: client.pos).hasNews == false)
    }

    @Test("receipts of the events that are shown, one's own, and those that come")
    func receipts() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        for user in [bob, carol] { try world.member(user, "join", in: room) }
        let old = try world.message("old", in: room, by: alice)
        let shown = try world.message("shown", in: room, by: alice)
        try world.receipt(alice, old, in: room, type: "m.read.private")
        try world.receipt(bob, old, in: room)
        try world.receipt(carol, shown, in: room)
        let wanted: JSONValue = ["receipts": ["enabled": true]]
        var client = SlidingClient(world, alice)
        try client.sync(body(wanted, limit: 1))
        #expect(
            client.receipts == ["\(room) \(old) m.read.private \(alice)", "\(room) \(shown) m.read \(carol)"])
        try world.receipt(bob, shown, in: room)
        try world.receipt(bob, shown, in: room, thread: "main")
        try world.receipt(carol, shown, in: room, type: "m.read.private")
        try client.sync(body(wanted, limit: 1))
        #expect(
            client.receipts == [
                "\(room) \(old) m.read.private \(alice)", "\(room) \(shown) m.read \(carol)",
                "\(room) \(shown) m.read \(bob)",
            ])
        #expect(try client.ask(body(wanted, limit: 1), pos: client.pos).hasNews == false)
        // An own receipt makes the room's count go down.
        try world.message("news", in: room, by: bob)
        try client.sync(body(wanted))
        #expect(client.rooms[room]?.notifications == 1)
        let news = try world.message("more", in: room, by: bob)
        try world.receipt(alice, news, in: room)
        try client.sync(body(wanted))
        #expect(client.rooms[room]?.notifications == 0)
    }

    @Test("typing, in scope only, and its end")
    func typing() throws {
        let world = try World()
        for name in ["!a:x", "!b:x"] { try world.createRoom(name, by: alice) }
        let wanted: JSONValue = ["typing": ["enabled": true]]
        var client = SlidingClient(world, alice)
        try client.sync(body(wanted, to: 0))
        let number = try roomNumber(world, "!b:x")
        let typist = try UserID(parsing: bob)
        world.typing.setTyping(room: number, user: typist, isTyping: true)
        try client.sync(body(wanted, to: 0))
        #expect(client.typing == ["!b:x": [bob]])
        #expect(try client.ask(body(wanted, to: 0), pos: client.pos).hasNews == false)
        world.typing.setTyping(room: number, user: typist, isTyping: false)
        world.typing.setTyping(room: try roomNumber(world, "!a:x"), user: typist, isTyping: true)
        try client.sync(body(wanted, to: 0))
        #expect(client.typing == ["!b:x": []])
        try client.sync(body(wanted))
        #expect(client.typing == ["!b:x": [], "!a:x": [bob]])
        // Only what the extension is asked for.
        let few: JSONValue = ["typing": ["enabled": true, "lists": [], "rooms": ["!a:x"]]]
        var narrow = SlidingClient(world, alice)
        try narrow.sync(body(few))
        #expect(narrow.typing == [:])
        var subscribed = body(few)
        subscribed["room_subscriptions"] = ["!a:x": ["timeline_limit": 1]]
        try narrow.sync(subscribed)
        #expect(narrow.typing == ["!a:x": [bob]])
    }

    @Test("messages to the device come in pages, and again until they are acknowledged")
    func toDevice() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        var client = SlidingClient(world, alice)
        func wanted(_ since: String?, limit: Int = 2) -> JSONObject {
            var own: JSONObject = ["enabled": true, "limit": .integer(Int64(limit))]
            if let since { own["since"] = .string(since) }
            return body(["to_device": .object(own)])
        }
        let first = try client.sync(wanted(nil))
        #expect(first["extensions"]?["to_device"]?["next_batch"] != nil)
        #expect(first["extensions"]?["to_device"]?["events"] == [])
        // A token of another epoch, or of the future, is no token.
        for since in ["s9_1", "s1_999"] {
            #expect(try client.ask(wanted(since), pos: client.pos).answer["extensions"]?["to_device"] != nil)
        }
        let stock = try client.sync(body(["e2ee": ["enabled": true]]))
        #expect(
            stock["extensions"]?["e2ee"] == [
                "device_one_time_keys_count": ["signed_curve25519": 0], "device_unused_fallback_key_types": [],
            ])
        let lists = try client.sync(body(["e2ee": ["enabled": true]]))
        #expect(lists["extensions"]?["e2ee"]?["device_lists"] == ["changed": [], "left": []])
        #expect(lists["rooms"] == [:])
        try world.member(bob, "join", in: room)
        let changed = try client.sync(body(["e2ee": ["enabled": true]]))
        #expect(changed["extensions"]?["e2ee"]?["device_lists"]?["changed"] == [.string(bob)])
    }

    @Test("threads that went on without being shown, and the pages behind them")
    func threads() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        var roots: [String] = []
        func answer(_ root: String, _ text: String) throws {
            try world.send(
                "m.room.message", in: room, by: alice,
                ["body": .string(text), "m.relates_to": ["rel_type": "m.thread", "event_id": .string(root)]])
        }
        for number in 0..<4 { roots.append(try world.message("root \(number)", in: room, by: alice)) }
        func wanted(roots: Bool, limit: Int = 100, timeline: Int = 1) -> JSONObject {
            body(
                [
                    "io.element.msc4360.threads": [
                        "enabled": true, "include_roots": .bool(roots), "limit": .integer(Int64(limit)),
                    ]
                ], limit: timeline)
        }
        var client = SlidingClient(world, alice)
        let first = try client.sync(wanted(roots: false))
        #expect(first["extensions"] == [:])
        let since = client.pos
        for root in roots { try answer(root, "a") }
        try answer(roots[0], "b")
        func updates(_ answer: JSONValue) -> JSONValue? { answer["extensions"]?["io.element.msc4360.threads"] }
        // The newest event of the first thread is in the timeline; the others are not.
        let some = try client.ask(wanted(roots: false), pos: since).answer
        #expect(Set(updates(some)?["updates"]?[room]?.objectValue?.keys ?? []) == Set(roots[1...]))
        #expect(updates(some)?["updates"]?[room]?[roots[1]] == [:])
        let all = try client.ask(wanted(roots: true, limit: 2), pos: since).answer
        let told = updates(all)?["updates"]?[room]?.objectValue ?? [:]
        #expect(Set(told.keys) == [roots[0], roots[3]])
        #expect(told[roots[0]]?["prev_batch"] != nil && told[roots[3]]?["prev_batch"] == nil)
        #expect(told[roots[0]]?["thread_root"]?["event_id"]?.stringValue == roots[0])
        #expect(
            told[roots[0]]?["thread_root"]?["unsigned"]?["m.relations"]?["m.thread"]?["count"]?.integerValue == 2)
        let next = try #require(updates(all)?["prev_batch"]?.stringValue)
        let pages = ThreadUpdateQueries(views: world.views)
        let page = try JSONValue.parse(pages.page(from: next, to: since, limit: 1, by: world.asker(alice)))
        #expect(page["chunk"]?[room]?.objectValue?.keys == [roots[2]])
        let last = try JSONValue.parse(
            pages.page(from: page["next_batch"]?.stringValue, to: since, limit: 5, by: world.asker(alice)))
        #expect(last["chunk"]?[room]?.objectValue?.keys == [roots[1]])
        #expect(last["next_batch"] == nil)
        // Somebody who is not in the room hears nothing.
        try world.createRoom("!bob:x", by: bob)
        var other = SlidingClient(world, bob)
        #expect(updates(try other.sync(wanted(roots: true))) == nil)
    }
}
