import CanonicalJSON
import MatrixIdentifiers
import Queries
import Testing

@Suite("History visibility")
struct HistoryVisibilityTests {
    /// What bob may see of messages sent before his invitation, while invited, while joined, after leaving and after a ban,
    /// when he asks at the very end; and when he never joined.
    static let table: [(visibility: String, joins: Bool, seen: [String])] = [
        ("world_readable", true, ["before", "invited", "joined", "left", "banned"]),
        ("shared", true, ["before", "invited", "joined"]),
        ("invited", true, ["invited", "joined"]),
        ("joined", true, ["joined"]),
        ("world_readable", false, ["before", "invited", "left", "banned"]),
        ("shared", false, []),
        ("invited", false, ["invited"]),
        ("joined", false, []),
    ]

    @Test("each visibility with each membership", arguments: table)
    func visibility(row: (visibility: String, joins: Bool, seen: [String])) throws {
        let world = try World()
        try world.createRoom(room, by: alice, visibility: row.visibility)
        var events: [(String, String)] = []
        func say(_ text: String) throws { events.append((text, try world.message(text, in: room, by: alice))) }
        try say("before")
        let invite = try world.member(bob, "invite", in: room, by: alice)
        try say("invited")
        if row.joins {
            try world.member(bob, "join", in: room)
            try say("joined")
        }
        try world.member(bob, "leave", in: room)
        try say("left")
        try world.member(bob, "ban", in: room, by: alice)
        try say("banned")
        let timelines = TimelineQueries(views: world.views)
        let asker = try world.asker(bob)
        let roomID = try RoomID(parsing: room)
        let seen = try events.filter { _, event in
            do {
                _ = try timelines.event(room: roomID, event: try EventID(parsing: event), by: asker)
                return true
            } catch let refusal as QueryRefusal {
                #expect(refusal.status == 404)
                return false
            }
        }.map(\.0)
        #expect(seen == row.seen)
        _ = try timelines.event(room: roomID, event: try EventID(parsing: invite), by: asker)
        guard row.joins else { return }
        let page = try JSONValue.parse(
            timelines.messages(
                room: roomID, from: nil, to: nil, backwards: false, limit: 100, filter: EventFilter(), by: asker))
        #expect(page["chunk"]?.arrayValue?.bodies == row.seen)
    }

    @Test("a change of visibility is seen from either side")
    func change() throws {
        let world = try World()
        try world.createRoom(room, by: alice, visibility: "world_readable")
        let tightened = try world.send(
            "m.room.history_visibility", in: room, by: alice, stateKey: "", ["history_visibility": "joined"])
        let hidden = try world.message("hidden", in: room, by: alice)
        let opened = try world.send(
            "m.room.history_visibility", in: room, by: alice, stateKey: "", ["history_visibility": "world_readable"])
        try world.createRoom("!own:example.org", by: bob)
        let rooms = RoomQueries(views: world.views)
        let user = try UserID(parsing: bob)
        #expect(try rooms.canSee(user, EventID(parsing: tightened)))
        #expect(try !rooms.canSee(user, EventID(parsing: hidden)))
        #expect(try rooms.canSee(user, EventID(parsing: opened)))
    }

    @Test("a room that is closed to somebody is refused like one that does not exist")
    func closed() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.createRoom("!own:example.org", by: bob)
        let asker = try world.asker(bob)
        let states = StateQueries(views: world.views)
        for name in [room, "!nowhere:example.org"] {
            let refusal = #expect(throws: QueryRefusal.self) {
                try states.state(room: RoomID(parsing: name), by: asker)
            }
            #expect(refusal?.errcode == "M_FORBIDDEN")
        }
    }
}
