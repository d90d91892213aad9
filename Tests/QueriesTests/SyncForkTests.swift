import CanonicalJSON
import LogEvents
import MatrixIdentifiers
import Queries
import Testing

/// What a sync tells when resolving a fork changes entries that no event of the timeline sets.
@Suite("Sync of rooms with forks") struct SyncForkTests {
    private func topic(_ text: String, _ world: World, setsOwn: Bool = true) throws -> String {
        try world.send("m.room.topic", in: room, by: alice, stateKey: "", ["topic": .string(text)], setsOwn: setsOwn)
    }

    private func change(_ type: String, _ key: String, to eventID: String?) -> PDURecorded.StateChange {
        PDURecorded.StateChange(type: type, stateKey: key, eventID: eventID)
    }

    private func merge(_ world: World, _ delta: [PDURecorded.StateChange]) throws {
        try world.send("m.room.message", in: room, by: alice, ["body": "merge", "msgtype": "m.text"], delta: delta)
    }

    @Test("an entry that goes back to an older event is told in state and in state_after")
    func older() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let one = try topic("one", world)
        let two = try topic("two", world)
        let first = try world.sync(alice)
        try merge(world, [change("m.room.topic", "", to: one)])
        let second = try world.sync(alice, since: first.next)
        #expect(second.timeline(room).bodies == ["merge"])
        #expect(second.state(room).ids == [one])
        let after = try world.sync(alice, since: first.next, stateAfter: true)
        #expect(after.state(room, "join", "state_after").ids == [one])
        // Also when the timeline holds only the newest event, and when it leaves the one with the change out.
        try world.message("newer", in: room, by: alice)
        for filter in [["room": ["timeline": ["limit": 1]]], [:]] as [JSONValue] {
            let third = try world.sync(alice, since: first.next, filter: filter)
            #expect(third.state(room).ids == [one])
        }
        let initial = try world.sync(alice, filter: ["room": ["timeline": ["limit": 2]]])
        #expect(initial.state(room).ids.contains(one))
        #expect(!initial.state(room).ids.contains(two))
        let full = try world.sync(alice, since: second.next, fullState: true, stateAfter: true)
        #expect(full.state(room, "join", "state_after").ids.contains(one))
        #expect(!full.state(room, "join", "state_after").ids.contains(two))
    }

    @Test("an entry of the timeline's own event is not told twice; one that is gone is not in state_after")
    func goneAndOwn() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let one = try topic("one", world)
        let first = try world.sync(alice)
        let lost = try topic("lost", world, setsOwn: false)
        let second = try world.sync(alice, since: first.next)
        #expect(second.timeline(room).ids == [lost])
        #expect(second.state(room).isEmpty)
        #expect(try world.sync(alice, since: first.next, stateAfter: true).state(room, "join", "state_after").isEmpty)
        // Now the loser wins: it stands in the timeline already.
        try merge(world, [change("m.room.topic", "", to: lost)])
        let third = try world.sync(alice, since: first.next)
        #expect(third.timeline(room).ids.contains(lost))
        #expect(third.state(room).isEmpty)
        #expect(
            try world.sync(alice, since: first.next, stateAfter: true).state(room, "join", "state_after").ids == [lost])
        let fourth = try world.sync(alice)
        try merge(world, [change("m.room.topic", "", to: nil)])
        let after = try world.sync(alice, since: fourth.next, stateAfter: true)
        #expect(after.state(room, "join", "state_after").isEmpty)
        let full = try world.sync(alice, stateAfter: true)
        #expect(Set([one, lost]).isDisjoint(with: full.state(room, "join", "state_after").ids))
        let short = try world.sync(alice, filter: ["room": ["timeline": ["limit": 1]]])
        #expect(Set([one, lost]).isDisjoint(with: short.state(room).ids))
    }

    @Test("who is out of the room by a resolution learns it, and so do the others")
    func outByResolution() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        let ban = try world.send(
            "m.room.member", in: room, by: alice, stateKey: bob, ["membership": "ban"], setsOwn: false)
        let first = try world.sync(bob)
        #expect(first.joined(room) != nil)
        let others = try world.sync(alice)
        try merge(world, [change("m.room.member", bob, to: ban)])
        let second = try world.sync(bob, since: first.next)
        #expect(second.joined(room) == nil)
        #expect(second.room("leave", room) != nil)
        let third = try world.sync(alice, since: others.next)
        #expect(third.state(room).ids == [ban])
        #expect(third.joined(room)?["summary"]?["m.joined_member_count"]?.integerValue == 1)
    }

    @Test("the state at an event of a side branch is that of the branch")
    func sideBranch() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let one = try topic("one", world)
        let two = try topic("two", world)
        let side = try world.send(
            "m.room.name", in: room, by: alice, stateKey: "", ["name": "side"],
            before: PDURecorded.StateBefore(origin: .after, eventID: one))
        let rooms = RoomQueries(views: world.views)
        let id = try RoomID(parsing: room)
        let sideID = try EventID(parsing: side)
        let before = try #require(try rooms.fullState(id, at: .before(sideID))).map(\.eventID.rawValue)
        #expect(before.contains(one) && !before.contains(two) && !before.contains(side))
        let after = try #require(try rooms.fullState(id, at: .after(sideID))).map(\.eventID.rawValue)
        #expect(after.contains(one) && after.contains(side))
        let differences = try #require(
            try rooms.differences(id, from: .after(EventID(parsing: two)), to: .after(sideID)))
        #expect(differences.map { $0.before?.eventID.rawValue } == [two, nil])
        #expect(differences.map { $0.after?.eventID.rawValue } == [one, side])
        #expect(try rooms.fullState(id, at: .before(EventID(parsing: "$unknown"))) == nil)
    }
}
