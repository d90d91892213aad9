import CanonicalJSON
import LogEvents
import Queries
import Testing

@Suite("Sliding sync") struct SlidingSyncTests {
    static func list(
        _ from: Int = 0, _ to: Int = 99, limit: Int = 3, state: JSONValue = [], filters: JSONValue = [:]
    ) -> JSONValue {
        [
            "ranges": [[.integer(Int64(from)), .integer(Int64(to))]], "timeline_limit": .integer(Int64(limit)),
            "required_state": state, "filters": filters,
        ]
    }

    private func rooms(_ answer: JSONValue) -> Set<String> { Set(answer["rooms"]?.objectValue?.keys ?? []) }

    @Test("a window has the rooms of the newest activity, and grows")
    func window() throws {
        let world = try World()
        for number in 0..<5 { try world.createRoom("!r\(number):example.org", by: alice) }
        try world.message("up", in: "!r1:example.org", by: alice)
        var client = SlidingClient(world, alice)
        let first = try client.sync(["lists": ["a": Self.list(0, 1)]])
        #expect(rooms(first) == ["!r1:example.org", "!r4:example.org"])
        #expect(client.counts == ["a": 5])
        #expect(client.rooms["!r1:example.org"]?.timeline.count == 3)
        let second = try client.sync(["lists": ["a": Self.list(0, 3)]])
        #expect(rooms(second) == ["!r3:example.org", "!r2:example.org"])
        let third = try client.ask(["lists": ["a": Self.list(0, 3)]], pos: client.pos)
        #expect(!third.hasNews)
        // State brings a room up too, but gives it no new stamp.
        let before = client.rooms["!r2:example.org"]?.bump
        try world.send("m.room.topic", in: "!r2:example.org", by: alice, stateKey: "", ["topic": "x"])
        let fourth = try client.sync(["lists": ["a": Self.list(0, 0)]])
        #expect(rooms(fourth) == ["!r2:example.org"])
        #expect(fourth["rooms"]?["!r2:example.org"]?["initial"] == nil)
        #expect(fourth["rooms"]?["!r2:example.org"]?["num_live"]?.integerValue == 1)
        #expect(client.rooms["!r2:example.org"]?.bump == before)
        #expect(client.rooms["!r2:example.org"]?.membership == "join")
        #expect(client.rooms["!r2:example.org"]?.lists == ["a"])
    }

    @Test("a lost answer is asked for again, an old or foreign position is not known")
    func positions() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        var client = SlidingClient(world, alice)
        let body: JSONObject = ["lists": ["a": Self.list()]]
        try client.sync(body)
        let old = client.pos
        try world.message("one", in: room, by: alice)
        let lost = try client.ask(body, pos: client.pos).answer
        #expect(lost["rooms"]?[room]?["timeline"]?.arrayValue?.bodies == ["one"])
        try world.message("two", in: room, by: alice)
        let again = try client.sync(body)
        #expect(again["rooms"]?[room]?["timeline"]?.arrayValue?.bodies == ["one", "two"])
        // The answer that was given up is known as well, until one of them is confirmed.
        let third = try client.sync(body)
        #expect(third["rooms"]?.objectValue?.isEmpty == true)
        for pos in [old, lost["pos"]?.stringValue, "", "x", "s1_1", "s1_1~", "s1_1~a.b", "s1_1~zzzzzzzzzzzzzzzzzz.1"] {
            guard let pos, !pos.isEmpty else { continue }
            #expect(throws: QueryRefusal.self, "\(pos)") { try client.ask(body, pos: pos) }
        }
        // Nor is it known to another user, device or connection.
        try world.member(bob, "join", in: room)
        let connections = client.queries.connections
        var other = SlidingClient(world, bob, connections: connections)
        #expect(throws: QueryRefusal.self) { try other.ask(body, pos: client.pos) }
        other = SlidingClient(world, alice, connections: connections)
        other.device = "OTHER"
        #expect(throws: QueryRefusal.self) { try other.ask(body, pos: client.pos) }
        var named = body
        named["conn_id"] = "x"
        #expect(throws: QueryRefusal.self) { try client.ask(named, pos: client.pos) }
        #expect(try client.ask(body, pos: client.pos).answer["pos"] != nil)
        // A position is a token of the timeline too.
        _ = try SyncToken(parsing: try #require(client.pos))
    }

    @Test("connections are forgotten when there are too many")
    func bounds() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let connections = SlidingConnections(maximumConnections: 8, maximumPerDevice: 3, maximumWeight: 1000)
        var clients: [(SlidingClient, JSONObject)] = []
        for number in 0..<20 {
            var client = SlidingClient(world, alice, connections: connections)
            client.device = "D\(number / 5)"
            let body: JSONObject = ["conn_id": .string("c\(number)"), "lists": ["a": Self.list()]]
            try client.sync(body)
            clients.append((client, body))
        }
        #expect(connections.count <= 8)
        let last = try #require(clients.last)
        #expect(try last.0.ask(last.1, pos: last.0.pos).hasNews == false)
        let first = try #require(clients.first)
        #expect(throws: QueryRefusal.self) { try first.0.ask(first.1, pos: first.0.pos) }
        // Few, but heavy.
        let heavy = SlidingConnections(maximumWeight: 100)
        for number in 0..<30 { try world.createRoom("!h\(number):example.org", by: alice) }
        for number in 0..<10 {
            var client = SlidingClient(world, alice, connections: heavy)
            client.device = "D\(number)"
            try client.sync(["lists": ["a": Self.list()]])
        }
        #expect(heavy.count < 10)
    }

    @Test("a larger timeline_limit brings what the client has not seen, at once")
    func expansion() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        for number in 0..<8 { try world.message("\(number)", in: room, by: alice) }
        var client = SlidingClient(world, alice)
        let first = try client.sync(["lists": ["a": Self.list(limit: 1)]])
        #expect(first["rooms"]?[room]?["timeline"]?.arrayValue?.bodies == ["7"])
        try world.message("8", in: room, by: alice)
        try client.sync(["lists": ["a": Self.list(limit: 1)]])
        let same = try client.ask(["lists": ["a": Self.list(limit: 2)]], pos: client.pos)
        #expect(!same.hasNews)
        let more = try client.sync(["lists": ["a": Self.list(limit: 4)]])
        #expect(more["rooms"]?[room]?["timeline"]?.arrayValue?.bodies == ["5", "6", "7", "8"])
        #expect(more["rooms"]?[room]?["unstable_expanded_timeline"]?.boolValue == true)
        #expect(more["rooms"]?[room]?["limited"]?.boolValue == true)
        #expect(more["rooms"]?[room]?["num_live"]?.integerValue == 0)
        let settled = try client.sync(["lists": ["a": Self.list(limit: 4)]])
        #expect(rooms(settled).isEmpty)
        // Down and up again: what the client has is not sent twice.
        try client.sync(["lists": ["a": Self.list(limit: 1)]])
        #expect(rooms(try client.sync(["lists": ["a": Self.list(limit: 4)]])).isEmpty)
    }

    @Test("required_state by pairs, wildcards, $ME, $LAZY and by include and exclude")
    func requiredState() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.send("m.room.topic", in: room, by: alice, stateKey: "", ["topic": "t"])
        try world.send("m.space.child", in: room, by: alice, stateKey: "!a:x", ["via": ["x"]])
        try world.send("m.space.child", in: room, by: alice, stateKey: "!b:x", ["via": ["x"]])
        for user in [bob, carol] { try world.member(user, "join", in: room) }
        for text in ["a", "b", "c"] { try world.message(text, in: room, by: bob) }
        func state(_ wanted: JSONValue) throws -> Set<String> {
            var client = SlidingClient(world, alice)
            client.wantedMembers = []
            let answer = try client.sync(["lists": ["a": Self.list(limit: 2, state: wanted)]])
            let events = answer["rooms"]?[room]?["required_state"]?.arrayValue ?? []
            return Set(events.map { ($0["type"]?.stringValue ?? "") + "|" + ($0["state_key"]?.stringValue ?? "") })
        }
        let rest: Set = ["m.room.create|", "m.room.power_levels|", "m.room.join_rules|", "m.room.topic|"]
        let children: Set = ["m.space.child|!a:x", "m.space.child|!b:x"]
        func members(_ users: String...) -> Set<String> { Set(users.map { "m.room.member|" + $0 }) }
        #expect(try state([]) == [])
        #expect(try state([["m.room.topic", ""], ["m.room.none", ""]]) == ["m.room.topic|"])
        #expect(try state([["m.space.child", "*"]]) == children)
        #expect(try state([["m.room.member", "$ME"]]) == members(alice))
        #expect(try state([["m.room.member", "$LAZY"]]) == members(bob))
        #expect(try state([["*", "*"]]) == rest.union(children).union(members(alice, bob, carol)))
        #expect(
            try state([["*", "*"], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"]])
                == rest.union(children).union(members(alice, bob)))
        #expect(
            try state([["*", "*"], ["m.room.member", .string(carol)], ["m.space.child", "!a:x"]])
                == rest.union(["m.space.child|!a:x"]).union(members(carol)))
        #expect(try state([["m.room.member", "*"], ["m.room.member", "$LAZY"]]) == members(alice, bob, carol))
        #expect(try state([["*", ""]]) == rest)
        #expect(
            try state(["include": [[:]], "exclude": [["type": "m.room.create"]], "lazy_members": true])
                == rest.subtracting(["m.room.create|"]).union(children).union(members(bob)))
        #expect(try state(["include": [["type": "m.room.topic", "state_key": ""]]]) == ["m.room.topic|"])
        #expect(try state(["include": [["state_key": .string(carol)]], "lazy_members": true]) == members(bob, carol))
    }

    @Test("state that is gone is told as a stub, a removed name as null, and more state when more is wanted")
    func stateChanges() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "Tea"])
        let topic = try world.send("m.room.topic", in: room, by: alice, stateKey: "", ["topic": "t"])
        var client = SlidingClient(world, alice)
        let body: JSONObject = ["lists": ["a": Self.list(state: [["m.room.topic", ""]])]]
        try client.sync(body)
        #expect(client.rooms[room]?.name == "Tea")
        #expect(client.rooms[room]?.state == ["m.room.topic ": topic])
        try world.send("m.room.name", in: room, by: alice, stateKey: "", [:])
        try world.send(
            "m.room.message", in: room, by: alice, ["body": "merge"],
            delta: [PDURecorded.StateChange(type: "m.room.topic", stateKey: "", eventID: nil)])
        let second = try client.sync(body)
        #expect(second["rooms"]?[room]?["name"]?.isNull == true)
        #expect(
            second["rooms"]?[room]?["required_state"] == [["type": "m.room.topic", "state_key": ""]])
        #expect(client.rooms[room]?.state.isEmpty == true)
        let third = try client.sync([
            "lists": ["a": Self.list(state: [["m.room.topic", ""], ["m.room.create", ""]])]
        ])
        #expect(third["rooms"]?[room]?["required_state"]?.arrayValue?.types == ["m.room.create"])
        #expect(third["rooms"]?[room]?["timeline"] == nil)
    }

    @Test("heroes name a room without a name")
    func heroes() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.send(
            "m.room.member", in: room, by: bob, stateKey: bob,
            ["membership": "join", "displayname": "Bob", "avatar_url": "mxc://x/y"])
        var client = SlidingClient(world, alice)
        let first = try client.sync(["lists": ["a": Self.list()]])
        let hero: JSONValue = ["user_id": .string(bob), "displayname": "Bob", "avatar_url": "mxc://x/y"]
        #expect(first["rooms"]?[room]?["heroes"] == [hero])
        #expect(client.rooms[room]?.joined == 2)
        try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "Tea"])
        let second = try client.sync(["lists": ["a": Self.list()]])
        #expect(second["rooms"]?[room]?["heroes"] == nil)
        #expect(second["rooms"]?[room]?["name"]?.stringValue == "Tea")
        #expect(second["rooms"]?[room]?["joined_count"] == nil)
    }

    @Test("invitations, knocks, joins, departures, bans and what is forgotten")
    func memberships() throws {
        let world = try World()
        for name in ["!invited:example.org", "!left:example.org", "!kicked:example.org", "!banned:example.org"] {
            try world.createRoom(name, by: alice)
            try world.send("m.room.name", in: name, by: alice, stateKey: "", ["name": .string(name)])
        }
        try world.member(bob, "invite", in: "!invited:example.org", by: alice)
        for name in ["!left:example.org", "!kicked:example.org"] { try world.member(bob, "join", in: name) }
        try world.member(bob, "leave", in: "!left:example.org")
        try world.member(bob, "leave", in: "!kicked:example.org", by: alice)
        try world.member(bob, "ban", in: "!banned:example.org", by: alice)
        try world.message("secret", in: "!kicked:example.org", by: alice)
        var client = SlidingClient(world, bob)
        let me: JSONValue = [["m.room.member", "$ME"]]
        let body: JSONObject = ["lists": ["a": Self.list(limit: 10, state: me)]]
        let first = try client.sync(body)
        #expect(rooms(first) == ["!invited:example.org", "!kicked:example.org"])
        #expect(client.counts["a"] == 2)
        let invited = first["rooms"]?["!invited:example.org"]
        #expect(invited?["membership"]?.stringValue == "invite")
        #expect(invited?["invite_state"]?.arrayValue?.types.contains("m.room.name") == true)
        #expect(invited?["stripped_state"] == invited?["invite_state"])
        #expect(invited?["timeline"] == nil && invited?["joined_count"] == nil && invited?["name"] == nil)
        let kicked = first["rooms"]?["!kicked:example.org"]
        #expect(kicked?["membership"]?.stringValue == "leave")
        #expect(kicked?["timeline"]?.arrayValue?.bodies.isEmpty == true)
        #expect(kicked?["timeline"]?.arrayValue?.types.last == "m.room.member")
        #expect(kicked?["required_state"]?.arrayValue?.first?["content"]?["membership"]?.stringValue == "leave")
        // In, and out again.
        try world.member(bob, "join", in: "!invited:example.org")
        let second = try client.sync(body)
        #expect(second["rooms"]?["!invited:example.org"]?["initial"]?.boolValue == true)
        #expect(client.rooms["!invited:example.org"]?.membership == "join")
        try world.member(bob, "leave", in: "!invited:example.org")
        try world.message("unseen", in: "!invited:example.org", by: alice)
        let third = try client.sync(body)
        #expect(client.rooms["!invited:example.org"]?.membership == "leave")
        #expect(third["rooms"]?["!invited:example.org"]?["timeline"]?.arrayValue?.bodies.isEmpty == true)
        #expect(third["rooms"]?["!invited:example.org"]?["initial"] == nil)
        try world.message("unseen too", in: "!invited:example.org", by: alice)
        #expect(try client.ask(body, pos: client.pos).hasNews == false)
        // Banned after having left: only the own member event is told.
        try world.member(bob, "ban", in: "!invited:example.org", by: alice)
        let fourth = try client.sync(body)
        #expect(fourth["rooms"]?["!invited:example.org"]?["timeline"]?.arrayValue?.count == 1)
        #expect(client.rooms["!invited:example.org"]?.membership == "ban")
        // A declined invitation ends where the client sees it.
        try world.member(bob, "invite", in: "!left:example.org", by: alice)
        try client.sync(body)
        #expect(client.rooms["!left:example.org"]?.membership == "invite")
        try world.member(bob, "leave", in: "!left:example.org")
        try client.sync(body)
        #expect(client.rooms["!left:example.org"]?.membership == "leave")
        #expect(try client.ask(body, pos: client.pos).hasNews == false)
        // Who asks for a room by name gets it when they were in it, and nothing otherwise.
        var other = SlidingClient(world, bob)
        let subscribed = try other.sync([
            "room_subscriptions": [
                "!left:example.org": ["timeline_limit": 1, "required_state": []],
                "!banned:example.org": ["timeline_limit": 1, "required_state": []],
                "!nowhere:example.org": ["timeline_limit": 1], "nonsense": ["timeline_limit": 1],
            ]
        ])
        #expect(rooms(subscribed) == ["!left:example.org"])
        #expect(subscribed["rooms"]?["!left:example.org"]?["lists"] == nil)
    }

    @Test("an invitation from someone who is ignored is not there")
    func ignored() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.member(bob, "invite", in: room, by: alice)
        try world.record(
            AccountDataSet(
                userID: bob, type: "m.ignored_user_list", content: ["ignored_users": .object([alice: [:]])]))
        var client = SlidingClient(world, bob)
        #expect(rooms(try client.sync(["lists": ["a": Self.list()]])).isEmpty)
        #expect(client.counts["a"] == 0)
    }
}
