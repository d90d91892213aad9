import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import Testing

@Suite("Rooms, members, state, directory")
struct RoomAnswersTests {
    private func page(
        _ world: World, from: String? = nil, to: String? = nil, backwards: Bool, limit: Int, filter: JSONValue = [:]
    ) throws -> JSONValue {
        try JSONValue.parse(
            TimelineQueries(views: world.views).messages(
                room: RoomID(parsing: room), from: from, to: to, backwards: backwards, limit: limit,
                filter: EventFilter(json: filter), by: try world.asker(alice)))
    }

    @Test("pages go back to the beginning and forth to the end, each event once")
    func pages() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        for number in 0..<21 { try world.message("m\(number)", in: room, by: alice) }
        for backwards in [true, false] {
            var ids: [String] = []
            var from: String?
            repeat {
                let answer = try page(world, from: from, backwards: backwards, limit: 4)
                ids += answer["chunk"]?.arrayValue?.ids ?? []
                from = answer["end"]?.stringValue
            } while from != nil
            #expect(ids.count == 25)
            #expect(Set(ids).count == 25)
        }
        let lazy = try page(world, backwards: true, limit: 3, filter: ["lazy_load_members": true])
        #expect(lazy["state"]?.arrayValue?.stateKeys == [alice])
        #expect(lazy["chunk"]?.arrayValue?.allSatisfy { $0["room_id"]?.stringValue == room } == true)
    }

    @Test("the context of an event has what came before and after")
    func context() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        var ids: [String] = []
        for number in 0..<9 { ids.append(try world.message("m\(number)", in: room, by: alice)) }
        let answer = try JSONValue.parse(
            TimelineQueries(views: world.views).context(
                room: RoomID(parsing: room), event: EventID(parsing: ids[4]), limit: 4, filter: EventFilter(),
                by: try world.asker(alice)))
        #expect(answer["event"]?["event_id"]?.stringValue == ids[4])
        #expect(answer["events_before"]?.arrayValue?.ids == [ids[3], ids[2]])
        #expect(answer["events_after"]?.arrayValue?.ids == [ids[5], ids[6]])
        #expect(answer["state"]?.arrayValue?.count == 4)
        let before = try page(world, from: answer["start"]?.stringValue, backwards: true, limit: 1)
        #expect(before["chunk"]?.arrayValue?.ids == [ids[1]])
        let after = try page(world, from: answer["end"]?.stringValue, backwards: false, limit: 1)
        #expect(after["chunk"]?.arrayValue?.ids == [ids[7]])
    }

    @Test("members by membership and at a moment; the state as of leaving")
    func members() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "join", in: room)
        let token = try world.sync(alice).next
        try world.member(bob, "leave", in: room)
        try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "later"])
        try world.member(carol, "join", in: room)
        let queries = MemberQueries(views: world.views, cache: RenderedCache())
        func members(
            _ user: String, at: String? = nil, _ membership: String? = nil, not: String? = nil
        ) throws -> [String] {
            let body = try queries.members(
                room: RoomID(parsing: room), at: at, membership: membership, notMembership: not,
                by: try world.asker(user))
            return try JSONValue.parse(body)["chunk"]?.arrayValue?.stateKeys.sorted() ?? []
        }
        #expect(try members(alice) == [alice, bob, carol])
        #expect(try members(alice, "join") == [alice, carol])
        #expect(try members(alice, not: "join") == [bob])
        #expect(try members(alice, at: token, "join") == [alice, bob])
        #expect(try members(bob, not: "leave") == [alice])
        #expect(throws: QueryRefusal.self) { try members(alice, "joined") }
        for _ in 0..<2 {
            let joined = try JSONValue.parse(
                queries.joinedMembers(room: RoomID(parsing: room), by: try world.asker(alice)))
            #expect(joined["joined"]?.objectValue?.keys == [alice, carol])
        }
        #expect(throws: QueryRefusal.self) {
            try queries.joinedMembers(room: RoomID(parsing: room), by: try world.asker(bob))
        }
        let states = StateQueries(views: world.views)
        let old = try JSONValue.parse(states.state(room: RoomID(parsing: room), by: try world.asker(bob)))
        #expect(old.arrayValue?.types.contains("m.room.name") == false)
        #expect(throws: QueryRefusal.self) {
            try states.state(
                room: RoomID(parsing: room), type: "m.room.name", stateKey: "", asEvent: false,
                by: try world.asker(bob))
        }
        let name = try states.state(
            room: RoomID(parsing: room), type: "m.room.name", stateKey: "", asEvent: false, by: try world.asker(alice))
        #expect(String(decoding: name, as: UTF8.self) == #"{"name":"later"}"#)
    }

    @Test("the state at any position is the state there was")
    func stateAt() throws {
        let world = try World()
        let rooms = RoomQueries(views: world.views)
        try world.createRoom(room, by: alice)
        var expected: [(LogPosition, [String])] = []
        for number in 0..<12 {
            try world.send(
                number % 3 == 0 ? "m.room.topic" : "org.example.k\(number % 4)", in: room, by: alice, stateKey: "",
                ["n": .integer(Int64(number))])
            expected.append((world.views.head, try rooms.fullState(RoomID(parsing: room)).map(\.eventID.rawValue)))
        }
        for (position, ids) in expected {
            #expect(try rooms.fullState(RoomID(parsing: room), at: position).map(\.eventID.rawValue) == ids)
        }
    }

    @Test("the directory lists, searches and pages")
    func directory() throws {
        let world = try World()
        let directory = DirectoryQueries(views: world.views)
        for number in 0..<5 {
            let name = "!r\(number):example.org"
            try world.createRoom(name, by: alice, visibility: number == 0 ? "world_readable" : nil)
            try world.send("m.room.name", in: name, by: alice, stateKey: "", ["name": .string("Room \(number)")])
            for user in 0..<number { try world.member("@m\(user):example.org", "join", in: name) }
            if number != 3 { try world.record(DirectoryVisibilitySet(roomID: name, isPublic: true)) }
        }
        try world.record(AliasCreated(alias: "#a:example.org", roomID: "!r1:example.org", creator: alice))
        func list(_ request: PublicRoomsRequest) throws -> JSONValue {
            try JSONValue.parse(directory.publicRooms(request))
        }
        let all = try list(PublicRoomsRequest())
        #expect(
            all["chunk"]?.arrayValue?.compactMap { $0["room_id"]?.stringValue }
                == [4, 2, 1, 0].map { "!r\($0):example.org" })
        #expect(all["total_room_count_estimate"]?.integerValue == 4)
        #expect(all["chunk"]?.arrayValue?.last?["world_readable"]?.boolValue == true)
        let first = try list(PublicRoomsRequest(limit: 2))
        let second = try list(PublicRoomsRequest(limit: 2, since: first["next_batch"]?.stringValue))
        #expect(second["chunk"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == ["Room 1", "Room 0"])
        #expect(second["next_batch"] == nil)
        let back = try list(PublicRoomsRequest(limit: 2, since: second["prev_batch"]?.stringValue))
        #expect(back["chunk"] == first["chunk"])
        #expect(try list(PublicRoomsRequest(searchTerm: "room 2"))["chunk"]?.arrayValue?.count == 1)
        #expect(try list(PublicRoomsRequest(roomTypes: ["m.space"]))["chunk"]?.arrayValue?.isEmpty == true)
        #expect(try list(PublicRoomsRequest(roomTypes: [nil]))["chunk"]?.arrayValue?.count == 4)
        #expect(try directory.alias(RoomAlias(parsing: "#a:example.org"))?.room.rawValue == "!r1:example.org")
        #expect(try directory.aliases(of: RoomID(parsing: "!r1:example.org")).map(\.rawValue) == ["#a:example.org"])
        #expect(throws: QueryRefusal.self) { try list(PublicRoomsRequest(since: "x")) }
    }
}

@Suite("Rendered answers")
struct RenderedCacheTests {
    @Test("a remembered list of members does not outlive a redaction")
    func redaction() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let join = try world.send(
            "m.room.member", in: room, by: bob, stateKey: bob, ["membership": "join", "displayname": "Rude"])
        let queries = MemberQueries(views: world.views, cache: RenderedCache())
        func name() throws -> String? {
            let body = try queries.joinedMembers(room: RoomID(parsing: room), by: try world.asker(alice))
            return try JSONValue.parse(body)["joined"]?[bob]?["display_name"]?.stringValue
        }
        #expect(try name() == "Rude")
        try world.message("x", in: room, by: alice)
        #expect(try name() == "Rude")
        try world.send("m.room.redaction", in: room, by: alice, [:], redacts: join)
        #expect(try name() == nil)
    }

    @Test("the budget is kept, and an older rendering never replaces a newer one")
    func budget() {
        let cache = RenderedCache(budget: 1000)
        func subject(_ number: UInt32) -> RenderedCache.Subject { .init(.members, RoomNum(rawValue: number)) }
        for number in 1...20 as ClosedRange<UInt32> {
            cache.keep([UInt8](repeating: 1, count: 100), for: subject(number), at: 5)
        }
        let kept = (1...20 as ClosedRange<UInt32>).filter { cache.bytes(for: subject($0), at: 5) != nil }
        #expect(kept.count <= 10)
        #expect(kept.contains(20))
        cache.keep([9], for: subject(20), at: 4)
        #expect(cache.bytes(for: subject(20), at: 5)?.count == 100)
        #expect(cache.bytes(for: subject(20), at: 6) == nil)
        cache.keep([UInt8](repeating: 1, count: 500), for: subject(21), at: 5)
        #expect(cache.bytes(for: subject(21), at: 5) == nil)
    }
}
