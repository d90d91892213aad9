import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import ReadModel
import TestSupport
import Testing

@testable import Queries

@Suite struct UserDirectoryTests {
    private func world(_ users: [String] = [alice, bob, carol]) throws -> World {
        let world = try World()
        for user in users { try world.record(AccountRegistered(userID: user, accountKind: "user")) }
        return world
    }

    private func search(
        _ term: String, by user: String, in world: World, limit: Int = 10,
        bounds: UserDirectoryQueries.Bounds = .init(),
        _ change: (inout UserDirectoryQueries.Settings) -> Void = { _ in }
    ) throws -> (users: [String], isLimited: Bool, json: JSONValue) {
        var settings = UserDirectoryQueries.Settings()
        change(&settings)
        let answer = try UserDirectoryQueries(views: world.views, settings: settings, bounds: bounds)
            .search(term, limit: limit, by: world.asker(user))
        let users = (answer["results"]?.arrayValue ?? []).compactMap { $0["user_id"]?.stringValue }
        return (users, answer["limited"]?.boolValue ?? false, answer)
    }

    private func name(_ user: String, _ name: String?, in world: World) throws {
        try world.record(ProfileFieldSet(userID: user, field: "displayname", value: name.map { .string($0) }))
    }

    private func closedRoom(_ room: String, by creator: String, _ others: [String], in world: World) throws {
        try world.createRoom(room, by: creator)
        try world.send("m.room.join_rules", in: room, by: creator, stateKey: "", ["join_rule": "invite"])
        for other in others { try world.member(other, "join", in: room) }
    }

    @Test func whoIsSeen() throws {
        let world = try world()
        #expect(try search("alice", by: bob, in: world).users == [])
        try closedRoom(room, by: alice, [bob], in: world)
        #expect(try search("alice", by: bob, in: world).users == [alice], "they share a room")
        #expect(try search("alice", by: carol, in: world).users == [])
        #expect(try search("alice", by: alice, in: world).users == [], "nobody shares a room with themselves")
        try world.send("m.room.join_rules", in: room, by: alice, stateKey: "", ["join_rule": "public"])
        #expect(try search("alice", by: carol, in: world).users == [alice], "the room is public")
        #expect(try search("alice", by: alice, in: world).users == [alice])
        try world.send(
            "m.room.history_visibility", in: room, by: alice, stateKey: "", ["history_visibility": "world_readable"])
        try world.send("m.room.join_rules", in: room, by: alice, stateKey: "", ["join_rule": "knock"])
        #expect(try search("alice", by: carol, in: world).users == [alice], "everybody may read the room")
        try world.send(
            "m.room.history_visibility", in: room, by: alice, stateKey: "", ["history_visibility": "shared"])
        #expect(try search("alice", by: carol, in: world).users == [])
        try world.member(alice, "leave", in: room)
        #expect(try search("alice", by: bob, in: world).users == [])
        let all = try search("a", by: alice, in: world) { $0.searchesAllUsers = true }
        #expect(all.users == [], "with all users, all but the one who asks")
        #expect(try search("bob", by: alice, in: world, { $0.searchesAllUsers = true }).users == [bob])
        #expect(
            try search(
                "bob", by: alice, in: world,
                {
                    $0.searchesAllUsers = true
                    $0.isEnabled = false
                }
            ).users == [])
    }

    @Test func namesAreFollowed() throws {
        let world = try world()
        try closedRoom(room, by: alice, [bob], in: world)
        try name(alice, "Ångela Straße", in: world)
        for term in [
            "angela", "ÅNG", "strasse", "str ang", "alice", "ali stra", "@alice", "@ali:example", "@alice:EXAMPLE.org",
        ] {
            #expect(try search(term, by: bob, in: world).users == [alice], "\(term)")
        }
        for term in ["ngela", "angela x", "", "  ", "@alice:other", "example"] {
            #expect(try search(term, by: bob, in: world).users == [], "\(term)")
        }
        #expect(
            try search("angela", by: bob, in: world).json["results"]?.arrayValue?.first?["display_name"]
                == "Ångela Straße")
        // The name in one room is not the name in the directory.
        try world.send(
            "m.room.member", in: room, by: alice, stateKey: alice, ["membership": "join", "displayname": "Secret"])
        #expect(try search("secret", by: bob, in: world).users == [])
        try name(alice, "Doris", in: world)
        #expect(try search("angela", by: bob, in: world).users == [])
        #expect(try search("dor", by: bob, in: world).users == [alice])
        try name(alice, nil, in: world)
        #expect(try search("dor", by: bob, in: world).users == [])
        #expect(try search("alice", by: bob, in: world).json["results"]?.arrayValue?.first?["display_name"] == nil)
        try world.record(AccountFlagsChanged(userID: alice, isLocked: true))
        #expect(try search("alice", by: bob, in: world).users == [])
        #expect(try search("alice", by: bob, in: world, { $0.showsLockedUsers = true }).users == [alice])
        try world.record(AccountFlagsChanged(userID: alice, isLocked: false))
        #expect(try search("alice", by: bob, in: world).users == [alice])
        try world.record(AccountDeactivated(userID: alice, erase: false))
        #expect(try search("alice", by: bob, in: world, { $0.searchesAllUsers = true }).users == [])
    }

    @Test func usersOfOtherServers() throws {
        let world = try world()
        let remote = "@rem:elsewhere.net"
        func join(_ room: String, as name: String) throws -> String {
            try world.send(
                "m.room.member", in: room, by: remote, stateKey: remote,
                ["membership": "join", "displayname": .string(name), "avatar_url": "mxc://a/b"])
        }
        try world.createRoom(room, by: alice)
        let event = try join(room, as: "Public Name")
        try closedRoom("!closed:example.org", by: bob, [], in: world)
        _ = try join("!closed:example.org", as: "Hidden Name")
        #expect(try search("public", by: carol, in: world).users == [remote])
        #expect(try search("hidden", by: bob, in: world).users == [], "a private room's name is its own")
        #expect(try search("@rem:else", by: bob, in: world).users == [remote])
        #expect(try search("public", by: carol, in: world, { $0.excludesRemoteUsers = true }).users == [])
        try world.send("m.room.redaction", in: room, by: alice, ["redacts": .string(event)], redacts: event)
        #expect(try search("public", by: carol, in: world).users == [])
        #expect(try search("rem", by: carol, in: world).users == [remote])
        // Once nobody of this server is in the room, nothing is known of it any longer.
        try world.member(alice, "leave", in: room)
        #expect(try search("rem", by: carol, in: world).users == [])
        #expect(try search("rem", by: bob, in: world).users == [remote])
    }

    @Test func theBetterComeFirst() throws {
        let users = [
            "@ann:example.org", "@anna:example.org", "@annabel:example.org", "@ann.lee:example.org", "@zoe:example.org",
        ]
        let world = try world(users + [alice])
        try world.createRoom(room, by: alice)
        for user in users { try world.member(user, "join", in: room) }
        let searcher = bob
        try world.record(AccountRegistered(userID: bob, accountKind: "user"))
        try world.record(
            ProfileFieldSet(userID: users[2], field: "avatar_url", value: "mxc://example.org/a"))
        try name(users[4], "Ann", in: world)
        #expect(try search("ann", by: searcher, in: world).users == [users[4], users[0], users[3], users[2], users[1]])
        try closedRoom("!two:example.org", by: users[1], [bob], in: world)
        let shared = try search("ann", by: searcher, in: world, limit: 4)
        #expect(shared.users == [users[4], users[0], users[1], users[3]] && shared.isLimited)
        #expect(try !search("ann", by: searcher, in: world, limit: 5).isLimited)
        #expect(try search("ann", by: searcher, in: world, limit: 0).users == [])
        let remote = "@ann:elsewhere.net"
        try world.send(
            "m.room.member", in: room, by: remote, stateKey: remote,
            ["membership": "join", "displayname": "Ann", "avatar_url": "mxc://a/b"])
        #expect(try search("ann", by: searcher, in: world).users.first == remote)
        #expect(try search("ann", by: searcher, in: world, { $0.prefersLocalUsers = true }).users.first == users[4])
    }

    /// With bounds that are too small for all, those in the asker's rooms are found and the answer says that it is cut.
    @Test func workIsBounded() throws {
        let many = (0..<60).map { "@user\($0):example.org" }
        let world = try world(many + [alice])
        try world.createRoom(room, by: many[0])
        for user in many.dropFirst() { try world.member(user, "join", in: room) }
        try closedRoom("!own:example.org", by: alice, [many[57]], in: world)
        var bounds = UserDirectoryQueries.Bounds()
        bounds.postings = 10
        let found = try search("us", by: alice, in: world, limit: 50, bounds: bounds)
        #expect(found.users.first == many[57] && found.users.count == 11 && found.isLimited)
        let rare = try search("us user57", by: alice, in: world, limit: 50, bounds: bounds)
        #expect(rare.users == [many[57]] && !rare.isLimited, "the rarer word leads")
        bounds.postings = 4000
        bounds.memberships = 20
        let few = try search("user", by: alice, in: world, limit: 50, bounds: bounds)
        #expect(few.users.count < 25 && few.isLimited)
        #expect(try search("user", by: alice, in: world, limit: 50).users.count == 50)
    }

    /// Random lives against a look at everybody.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theSameAsALookAtEverybody(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let users = (0..<12).map { "@\(["an", "anna", "bo", "bob.an"][$0 % 4])\($0):example.org" }
        let rooms = (0..<4).map { "!r\($0):example.org" }
        let world = try world(users)
        var names: [String: String] = [:]
        var joined: [String: Set<String>] = [:]
        var open: [String: Bool] = [:]
        for room in rooms {
            try world.createRoom(room, by: users[0])
            joined[room] = [users[0]]
            open[room] = true
        }
        let words = ["Anna", "Bó", "Čeněk", "anton", "Z"]
        for _ in 0..<300 {
            let user = users[random.below(users.count)]
            let room = rooms[random.below(rooms.count)]
            switch random.below(5) {
            case 0:
                let name = "\(words[random.below(5)]) \(words[random.below(5)])"
                names[user] = name
                try self.name(user, name, in: world)
            case 1:
                let rule = ["public", "invite", "knock"][random.below(3)]
                open[room] = rule == "public"
                try world.send("m.room.join_rules", in: room, by: users[0], stateKey: "", ["join_rule": .string(rule)])
            case 2, 3:
                joined[room]?.insert(user)
                try world.member(user, "join", in: room)
            default:
                joined[room]?.remove(user)
                try world.member(user, "leave", in: room)
            }
        }
        func beginnings(_ user: String) -> [String] {
            let text = String(user.dropFirst().prefix { $0 != ":" }) + " " + (names[user] ?? "")
            return text.lowercased().replacing("ó", with: "o").replacing("č", with: "c").replacing("ě", with: "e")
                .split { $0 == " " || $0 == "." }.map(String.init)
        }
        for searcher in users {
            for term in ["an", "anna", "b", "bo z", "ceně", "Z anton", "anna anna"] {
                let wanted = term.lowercased().replacing("ě", with: "e").split(separator: " ").map(String.init)
                let expected = users.filter { user in
                    let own = beginnings(user)
                    let isVisible = rooms.contains { room in
                        joined[room]?.contains(user) == true
                            && (open[room] == true || user != searcher && joined[room]?.contains(searcher) == true)
                    }
                    return isVisible && wanted.allSatisfy { word in own.contains { $0.hasPrefix(word) } }
                }
                let found = try search(term, by: searcher, in: world, limit: 50)
                #expect(Set(found.users) == Set(expected) && found.users.count == expected.count, "\(searcher) \(term)")
            }
        }
    }
}
