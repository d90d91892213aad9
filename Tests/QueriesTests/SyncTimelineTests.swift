import CanonicalJSON
import Queries
import Testing

@Suite("The timeline of a sync")
struct SyncTimelineTests {
    @Test("a filtered timeline that has all that passes is not limited")
    func filtered() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let message = try world.message("one", in: room, by: alice)
        for number in 0..<12 { try world.send("filler", in: room, by: alice, ["n": .integer(Int64(number))]) }
        let filter: JSONValue = ["room": ["timeline": ["types": ["m.room.message"], "limit": 1]]]
        let one = try world.sync(alice, filter: filter)
        #expect(one.timeline(room).ids == [message])
        #expect(one.isLimited(room) == false)
        let newer = try world.message("two", in: room, by: alice)
        let two = try world.sync(alice, filter: filter)
        #expect(two.timeline(room).ids == [newer])
        #expect(two.isLimited(room) == true)
    }

    @Test("applying the timeline to the state gives the room's state, although part of it happened out of sight")
    func stateOutOfSight() throws {
        let world = try World()
        try world.createRoom(room, by: alice, visibility: "joined")
        try world.member(bob, "join", in: room)
        let first = try world.sync(bob)
        try world.member(bob, "leave", in: room)
        let hidden = try world.message("hidden", in: room, by: alice)
        let early = try world.send("m.room.topic", in: room, by: alice, stateKey: "", ["topic": "early"])
        let joined = try world.member(carol, "join", in: room)
        let late = try world.send("m.room.topic", in: room, by: alice, stateKey: "", ["topic": "late"])
        try world.member(bob, "join", in: room)
        let second = try world.sync(bob, since: first.next)
        let told = second.timeline(room).ids
        #expect(told.contains(joined) && told.contains(late))
        #expect(!told.contains(hidden) && !told.contains(early))
        #expect(second.isLimited(room) == true)
    }
}
