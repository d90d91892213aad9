import CanonicalJSON
import LogEvents
import MatrixIdentifiers
import Queries
import TestSupport
import Testing

@Suite("Receipts, typing and unread counts")
struct SyncUnreadTests {
    @Test("receipts come by thread, private ones to their owner only")
    func receipts() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        let event = try world.message("a", in: room, by: alice)
        let first = try world.sync(alice)
        #expect(first.ephemeral(room, "m.receipt").isEmpty)
        try world.receipt(bob, event, in: room)
        try world.receipt(bob, event, in: room, type: "m.read.private")
        try world.receipt(bob, event, in: room, thread: "main")
        let second = try world.sync(alice, since: first.next)
        let receipts = second.ephemeral(room, "m.receipt")
        #expect(receipts.count == 2)
        #expect(receipts.allSatisfy { $0["content"]?[event]?["m.read.private"] == nil })
        #expect(receipts.contains { $0["content"]?[event]?["m.read"]?[bob]?["thread_id"]?.stringValue == "main" })
        #expect(receipts.contains { $0["content"]?[event]?["m.read"]?[bob]?["ts"]?.integerValue == 77 })
        let own = try world.sync(bob).ephemeral(room, "m.receipt")
        #expect(own.contains { $0["content"]?[event]?["m.read.private"]?[bob] != nil })
        #expect(try !world.sync(alice, since: second.next).hasNews)
    }

    @Test("typing starts, goes on and ends")
    func typing() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let number = try #require(try RoomQueries(views: world.views).number(of: .init(parsing: room)))
        let first = try world.sync(alice)
        world.typing.setTyping(room: number, user: try .init(parsing: alice), isTyping: true, timeoutMs: 1000)
        let second = try world.sync(alice, since: first.next)
        #expect(second.hasNews)
        #expect(
            second.ephemeral(room, "m.typing").first?["content"]?["user_ids"]?.arrayValue == [.string(alice)])
        #expect(try !world.sync(alice, since: second.next).hasNews)
        world.clock.advance(2000)
        world.typing.expire()
        let third = try world.sync(alice, since: second.next)
        #expect(third.ephemeral(room, "m.typing").first?["content"]?["user_ids"]?.arrayValue == [])
    }

    @Test("unread counts follow messages, receipts, mentions, own events and redactions")
    func unread() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        var token = try world.sync(bob).next
        func next() throws -> (Int64, Int64) {
            let synced = try world.sync(bob, since: token)
            token = synced.next
            return (synced.unread(room), synced.highlights(room))
        }
        let one = try world.message("1", in: room, by: alice)
        #expect(try next() == (1, 0))
        try world.message("2", in: room, by: alice, mentions: ["user_ids": [.string(bob)]])
        #expect(try next() == (2, 1))
        try world.message("3", in: room, by: alice, mentions: ["room": true])
        #expect(try next() == (3, 2))
        try world.receipt(bob, one, in: room)
        #expect(try next() == (2, 2))
        try world.send("m.room.message", in: room, by: alice, ["msgtype": "m.notice", "body": "n"])
        #expect(try next() == (2, 2))
        let gone = try world.message("4", in: room, by: alice)
        #expect(try next() == (3, 2))
        try world.send("m.room.redaction", in: room, by: alice, [:], redacts: gone)
        #expect(try next() == (2, 2))
        try world.message("mine", in: room, by: bob)
        #expect(try next() == (0, 0))
        try world.message("5", in: room, by: alice)
        #expect(try next() == (1, 0))
    }

    @Test("threads are counted apart when asked")
    func threads() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        let root = try world.message("root", in: room, by: alice)
        func reply(_ text: String) throws -> String {
            try world.send(
                "m.room.message", in: room, by: alice,
                [
                    "msgtype": "m.text", "body": .string(text),
                    "m.relates_to": ["rel_type": "m.thread", "event_id": .string(root)],
                ])
        }
        let first = try reply("in thread 1")
        _ = try reply("in thread 2")
        let filter: JSONValue = ["room": ["timeline": ["unread_thread_notifications": true]]]
        let apart = try world.sync(bob, filter: filter)
        #expect(apart.unread(room) == 1)
        #expect(
            apart.joined(room)?["unread_thread_notifications"]?[root]?["notification_count"]?.integerValue == 2)
        #expect(try world.sync(bob).unread(room) == 3)
        try world.receipt(bob, first, in: room, thread: root)
        #expect(try world.sync(bob).unread(room) == 2)
        try world.receipt(bob, root, in: room, thread: "main")
        let read = try world.sync(bob, filter: filter)
        #expect(read.unread(room) == 0)
        #expect(
            read.joined(room)?["unread_thread_notifications"]?[root]?["notification_count"]?.integerValue == 1)
    }

    @Test("remembered counts equal a fresh count", arguments: [1, 2, 3, 4] as [UInt64])
    func againstRecount(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        var token = try world.sync(bob).next
        var messages: [String] = []
        for _ in 0..<120 {
            switch random.below(10) {
            case 0: if let event = random.pick(messages) { try world.receipt(bob, event, in: room) }
            case 1: try world.message("mine", in: room, by: bob)
            case 2:
                if let event = random.pick(messages) {
                    try world.send("m.room.redaction", in: room, by: alice, [:], redacts: event)
                }
            case 3:
                messages.append(
                    try world.message("hey", in: room, by: alice, mentions: ["user_ids": [.string(bob)]]))
            default: messages.append(try world.message("x", in: room, by: alice))
            }
            guard random.oneIn(2) else { continue }
            let synced = try world.sync(bob, since: token)
            token = synced.next
            // A second set of queries over the same views remembers nothing.
            let fresh = SyncQueries(views: world.views, ephemeral: world.typing, notifier: world.notifier)
            let naive = try JSONValue.parse(
                fresh.sync(SyncRequest(asker: try world.asker(bob), since: nil)).body)["rooms"]?["join"]?[room]
            guard synced.joined(room) != nil else { continue }
            #expect(synced.joined(room)?["unread_notifications"] == naive?["unread_notifications"], "seed \(seed)")
        }
    }
}
