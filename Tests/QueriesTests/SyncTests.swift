import CanonicalJSON
import LogEvents
import MatrixIdentifiers
import Queries
import Testing

@Suite("Sync")
struct SyncTests {
    @Test("an initial sync has the last events, the state before them, and everything a client needs")
    func initial() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        for number in 0..<12 { try world.message("m\(number)", in: room, by: alice) }
        let first = try world.sync(alice)
        #expect(first.timeline(room).bodies == (2..<12).map { "m\($0)" })
        #expect(first.isLimited(room) == true)
        #expect(
            first.state(room).types == ["m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules"])
        #expect(first.joined(room)?["summary"]?["m.joined_member_count"]?.integerValue == 1)
        let types = first.json["account_data"]?["events"]?.arrayValue?.types
        #expect(types == ["m.push_rules"])
        for name in ["presence", "to_device", "device_lists", "device_one_time_keys_count"] {
            #expect(first.json[name] != nil)
        }
        #expect(first.timeline(room).allSatisfy { $0["room_id"] == nil })
        #expect(first.timeline(room)[0]["unsigned"]?["membership"]?.stringValue == "join")
        #expect(first.timeline(room)[0]["unsigned"]?["age"]?.integerValue != nil)
    }

    @Test("a short room is not limited and has no state before its timeline")
    func short() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let first = try world.sync(alice)
        #expect(first.timeline(room).count == 4)
        #expect(first.isLimited(room) == false)
        #expect(first.state(room).isEmpty)
    }

    @Test("an incremental sync has only what is new")
    func incremental() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.createRoom("!other:example.org", by: alice)
        let first = try world.sync(alice)
        let nothing = try world.sync(alice, since: first.next)
        #expect(!nothing.hasNews)
        #expect(nothing.next == first.next)
        #expect(nothing.answer.waitRooms.count == 2)
        try world.message("hello", in: room, by: alice)
        let second = try world.sync(alice, since: first.next)
        #expect(second.hasNews)
        #expect(second.timeline(room).bodies == ["hello"])
        #expect(second.isLimited(room) == false)
        #expect(second.joined("!other:example.org") == nil)
        #expect(second.state(room).isEmpty)
        let position = try SyncToken(parsing: first.next).position
        #expect(try SyncToken(parsing: second.prevBatch(room)).position == position)
    }

    @Test("a gap is limited, and its state changes come in state")
    func gap() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let first = try world.sync(alice)
        try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "one"])
        let name = try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "two"])
        for number in 0..<11 { try world.message("m\(number)", in: room, by: alice) }
        let topic = try world.send("m.room.topic", in: room, by: alice, stateKey: "", ["topic": "t"])
        let second = try world.sync(alice, since: first.next)
        #expect(second.isLimited(room) == true)
        #expect(second.timeline(room).count == 10)
        #expect(second.state(room).ids == [name])
        let after = try world.sync(alice, since: first.next, stateAfter: true)
        #expect(after.joined(room)?["state"] == nil)
        #expect(after.state(room, "join", "state_after").ids == [name, topic])
        // The gap closes with /messages between the two tokens.
        let page = try JSONValue.parse(
            TimelineQueries(views: world.views).messages(
                room: .init(parsing: room), from: second.prevBatch(room), to: first.next, backwards: true, limit: 100,
                filter: EventFilter(), by: try world.asker(alice)))
        #expect(page["chunk"]?.arrayValue?.count == 4)
        #expect(page["end"] == nil)
    }

    @Test("state is that of the start of the timeline, even when the timeline changes it")
    func stateAtStart() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let old = try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "old"])
        let new = try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "new"])
        for number in 0..<9 { try world.message("m\(number)", in: room, by: alice) }
        let first = try world.sync(alice)
        #expect(first.timeline(room).ids.first == new)
        #expect(first.state(room).filter { $0["type"]?.stringValue == "m.room.name" }.ids == [old])
        let unsigned = first.timeline(room)[0]["unsigned"]
        #expect(unsigned?["prev_content"]?["name"]?.stringValue == "old")
        #expect(unsigned?["replaces_state"]?.stringValue == old)
        let after = try world.sync(alice, stateAfter: true)
        #expect(
            after.state(room, "join", "state_after").filter { $0["type"]?.stringValue == "m.room.name" }.ids == [new])
    }

    @Test("a room joined since the last sync comes in full")
    func newlyJoined() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.createRoom("!own:example.org", by: bob)
        let first = try world.sync(bob)
        for number in 0..<12 { try world.message("m\(number)", in: room, by: alice) }
        try world.member(bob, "join", in: room)
        let second = try world.sync(bob, since: first.next)
        #expect(second.timeline(room).count == 10)
        #expect(second.isLimited(room) == true)
        #expect(second.state(room).types.contains("m.room.create"))
        #expect(second.timeline(room)[0]["unsigned"]?["membership"]?.stringValue == "leave")
        #expect(second.joined(room)?["summary"]?["m.heroes"]?.arrayValue == [.string(alice)])
    }

    @Test("leaving shows what happened until then, and nothing after")
    func leaving() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        let first = try world.sync(bob)
        try world.message("before", in: room, by: alice)
        let leave = try world.member(bob, "leave", in: room)
        try world.message("after", in: room, by: alice)
        let second = try world.sync(bob, since: first.next)
        #expect(second.joined(room) == nil)
        #expect(second.timeline(room, "leave").ids.last == leave)
        #expect(second.timeline(room, "leave").bodies == ["before"])
        let third = try world.sync(bob, since: second.next)
        #expect(third.room("leave", room) == nil)
        #expect(try world.sync(bob).room("leave", room) == nil)
        let archived = try world.sync(bob, filter: ["room": ["include_leave": true]])
        #expect(archived.timeline(room, "leave").ids.last == leave)
        #expect(archived.room("leave", room)?["account_data"] != nil)
        try world.record(RoomForgotten(userID: bob, roomID: room))
        let forgotten = try world.sync(bob, filter: ["room": ["include_leave": true]])
        #expect(forgotten.room("leave", room) == nil)
    }

    @Test("a ban after leaving is told by the ban alone")
    func ban() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        try world.member(bob, "leave", in: room)
        let first = try world.sync(bob)
        try world.message("secret", in: room, by: alice)
        let ban = try world.member(bob, "ban", in: room, by: alice)
        let second = try world.sync(bob, since: first.next)
        #expect(second.timeline(room, "leave").ids == [ban])
        let after = try world.sync(bob, since: first.next, stateAfter: true)
        #expect(after.state(room, "leave", "state_after").ids == [ban])
    }

    @Test("an invitation carries stripped state; declining it is told by the member event")
    func invitation() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "The room"])
        try world.createRoom("!own:example.org", by: bob)
        let first = try world.sync(bob)
        try world.member(bob, "invite", in: room, by: alice)
        let second = try world.sync(bob, since: first.next)
        let events = second.room("invite", room)?["invite_state"]?["events"]?.arrayValue ?? []
        #expect(
            events.types == ["m.room.create", "m.room.name", "m.room.join_rules", "m.room.member", "m.room.member"])
        #expect(events.allSatisfy { Set($0.objectValue?.keys ?? []) == ["type", "state_key", "sender", "content"] })
        #expect(try world.sync(bob, since: second.next).room("invite", room) == nil)
        #expect(try world.sync(bob).room("invite", room) != nil)
        let leave = try world.member(bob, "leave", in: room)
        let third = try world.sync(bob, since: second.next)
        #expect(third.timeline(room, "leave").ids == [leave])
        #expect(third.state(room, "leave").isEmpty)
        try world.member(carol, "knock", in: room)
        #expect(try world.sync(carol).room("knock", room)?["knock_state"] != nil)
    }

    @Test("coming back shows the room anew")
    func rejoining() throws {
        let world = try World()
        try world.createRoom(room, by: alice, visibility: "joined")
        try world.member(bob, "join", in: room)
        let first = try world.sync(bob)
        try world.member(bob, "leave", in: room)
        try world.message("unseen", in: room, by: alice)
        let back = try world.member(bob, "join", in: room)
        try world.message("seen", in: room, by: alice)
        let second = try world.sync(bob, since: first.next)
        #expect(second.room("leave", room) == nil)
        #expect(second.timeline(room).bodies == ["seen"])
        #expect(second.timeline(room).ids.contains(back))
        #expect(!second.state(room).isEmpty || second.timeline(room).types.contains("m.room.create"))
    }

    @Test("a token of another epoch, of the future or of nobody is refused")
    func tokens() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        #expect(throws: QueryRefusal.self) { try world.sync(alice, since: "s2_1") }
        #expect(throws: QueryRefusal.self) { try world.sync(alice, since: "s1_99999") }
        for text in ["", "s", "s1", "x1_2", "s1_2_3_4_5", "s-1_2", "s1_99999999999999999999", "s1_+2", "s1__2"] {
            #expect(throws: QueryRefusal.self) { try SyncToken(parsing: text) }
        }
        let token = SyncToken(epoch: 3, position: 9, ephemeral: 5)
        #expect(try SyncToken(parsing: token.description) == token)
    }

    @Test("the sending device sees its transaction id, others do not")
    func transactionID() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let first = try world.sync(alice)
        try world.send(
            "m.room.message", in: room, by: alice, ["body": "x", "msgtype": "m.text"], transaction: ("DEV", "t1"))
        let own = try world.sync(alice, since: first.next).timeline(room)[0]["unsigned"]
        #expect(own?["transaction_id"]?.stringValue == "t1")
        let other = try world.sync(alice, since: first.next, device: "OTHER").timeline(room)[0]["unsigned"]
        #expect(other?["transaction_id"] == nil)
        let found = try RoomQueries(views: world.views).transaction(
            user: .init(parsing: alice), deviceID: "DEV", transactionID: "t1", room: .init(parsing: room))
        #expect(found != nil)
    }

    @Test("a redacted event says why")
    func redaction() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let target = try world.message("bad", in: room, by: alice)
        let redaction = try world.send("m.room.redaction", in: room, by: alice, ["reason": "spam"], redacts: target)
        let first = try world.sync(alice)
        let event = first.timeline(room).first { $0["event_id"]?.stringValue == target }
        #expect(event?["content"]?.objectValue?.keys == [])
        let because = event?["unsigned"]?["redacted_because"]
        #expect(because?["event_id"]?.stringValue == redaction)
        #expect(because?["content"]?["reason"]?.stringValue == "spam")
    }

    @Test("account data comes once, by room and globally")
    func accountData() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let first = try world.sync(alice)
        try world.record(AccountDataSet(userID: alice, type: "org.example.a", content: ["n": 1]))
        try world.record(AccountDataSet(userID: alice, type: "org.example.a", content: ["n": 2]))
        try world.record(AccountDataSet(userID: alice, roomID: room, type: "m.tag", content: ["tags": [:]]))
        let second = try world.sync(alice, since: first.next)
        #expect(second.json["account_data"]?["events"]?.arrayValue?.count == 1)
        #expect(second.json["account_data"]?["events"]?.arrayValue?[0]["content"]?["n"]?.integerValue == 2)
        #expect(second.joined(room)?["account_data"]?["events"]?.arrayValue?.types == ["m.tag"])
        #expect(try !world.sync(alice, since: second.next).hasNews)
    }

    @Test("messages and invitations of ignored users do not come; their state does")
    func ignoring() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        try world.record(
            AccountDataSet(
                userID: alice, type: "m.ignored_user_list",
                content: ["ignored_users": .object([bob: [:]])]))
        let first = try world.sync(alice)
        try world.message("noise", in: room, by: bob)
        try world.send("m.room.topic", in: room, by: bob, stateKey: "", ["topic": "x"])
        try world.createRoom("!bobs:example.org", by: bob)
        try world.member(alice, "invite", in: "!bobs:example.org", by: bob)
        let second = try world.sync(alice, since: first.next)
        #expect(second.timeline(room).types == ["m.room.topic"])
        #expect(second.room("invite", "!bobs:example.org") == nil)
        #expect(second.unread(room) == 0)
    }
}
