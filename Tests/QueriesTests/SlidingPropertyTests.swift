import CanonicalJSON
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import TestSupport
import Testing

/// Random lives of rooms with a client that looks at them through changing windows and loses answers: what it has gathered
/// equals what a naive model says of the rooms in its windows.
@Suite("Sliding sync: what a client gathers") struct SlidingPropertyTests {
    /// What happened in a room, as a list.
    struct Model {
        struct Event {
            let id: String
            let number: Int
            let sender: String
            let isOwnMember: Bool
        }

        var events: [Event] = []
        var state: [String: String] = [:]
        var name: String?
        var memberships: [String: String] = [:]
        /// When the client's user left last, and when what they are was said last.
        var leftAt = 0
        var saidAt = 0
        var wasIn = false
        var wasKicked = false
        var data: JSONValue?
        var typists: [String] = []
        /// By kind and user, whose event it is at.
        var receipts: [String: String] = [:]

        var joined: Int { memberships.values.count { $0 == "join" } }
        var own: String { memberships[alice] ?? "" }
        var recency: Int { own == "join" ? events.last?.number ?? 0 : max(leftAt, saidAt) }
    }

    struct Life {
        let world: World
        var random: SeededRandom
        var rooms: [String: Model] = [:]
        var direct: Set<String> = []
        var client: SlidingClient
        var number = 0
        let names = ["!a:x", "!b:x", "!c:x", "!d:x", "!e:x"]
        var first = 0
        var last = 1
        var limit = 2
        var subscribed: String?
        var wide = false
        var data: JSONValue?
        var extended = true

        init(seed: UInt64) throws {
            world = try World()
            random = SeededRandom(seed: seed)
            client = SlidingClient(world, alice)
            client.wantedMembers = ["m.room.member \(alice)"]
            for name in names {
                rooms[name] = Model()
                try send("m.room.create", in: name, by: bob, key: "", ["room_version": "10"])
                try member(bob, "join", in: name)
                try send("m.room.power_levels", in: name, by: bob, key: "", ["users": .object([bob: 100])])
                try member(alice, "join", in: name)
            }
        }

        mutating func send(
            _ type: String, in room: String, by sender: String, key: String? = nil, _ content: JSONObject,
            delta: [PDURecorded.StateChange] = []
        ) throws {
            let id = try world.send(type, in: room, by: sender, stateKey: key, content, delta: delta)
            number += 1
            let isOwn = type == "m.room.member" && key == alice
            rooms[room]?.events.append(.init(id: id, number: number, sender: sender, isOwnMember: isOwn))
            if let key { rooms[room]?.state[type + " " + key] = id }
            if type == "m.room.name" { rooms[room]?.name = content["name"]?.stringValue }
            for change in delta { rooms[room]?.state[change.type + " " + change.stateKey] = change.eventID }
        }

        mutating func member(_ user: String, _ membership: String, in room: String, by sender: String? = nil) throws {
            let before = rooms[room]?.memberships[user]
            try send(
                "m.room.member", in: room, by: sender ?? user, key: user,
                ["membership": .string(membership), "displayname": .string("\(random.below(3))")])
            rooms[room]?.memberships[user] = membership
            guard user == alice else { return }
            rooms[room]?.saidAt = number
            rooms[room]?.wasKicked = membership == "ban" || membership == "leave" && sender != nil
            if membership == "join" { rooms[room]?.wasIn = true }
            if before == "join", membership != "join" { rooms[room]?.leftAt = number }
            if before != "join", membership == "join" { rooms[room]?.leftAt = 0 }
        }

        mutating func act() throws {
            let room = names[random.below(names.count)]
            let isIn = rooms[room]?.own == "join"
            let speaker = random.pick(rooms[room]?.memberships.filter { $0.value == "join" }.keys.sorted() ?? []) ?? bob
            switch random.below(20) {
            case 0:
                let name: JSONObject = random.oneIn(3) ? [:] : ["name": .string("name \(random.below(3))")]
                try send("m.room.name", in: room, by: bob, key: "", name)
            case 1: try send("m.room.topic", in: room, by: bob, key: "", ["topic": "t"])
            case 2: try send("m.space.child", in: room, by: bob, key: "!\(random.below(3)):x", ["via": ["x"]])
            case 3:
                let key = ["m.room.topic ", "m.space.child !1:x"][random.below(2)]
                let parts = key.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let change = PDURecorded.StateChange(
                    type: parts[0], stateKey: parts[1], eventID: random.oneIn(2) ? nil : rooms[room]?.state[key])
                try send("m.room.message", in: room, by: bob, ["body": "merge"], delta: [change])
            case 4:
                if isIn {
                    let ways: [(String, String?)] = [("leave", nil), ("leave", bob), ("ban", bob)]
                    let (membership, by) = ways[random.below(3)]
                    try member(alice, membership, in: room, by: by)
                } else {
                    try member(alice, random.oneIn(2) ? "join" : "invite", in: room, by: bob)
                }
            case 5:
                let isCarolIn = rooms[room]?.memberships[carol] == "join"
                try member(carol, isCarolIn && random.oneIn(2) ? "leave" : "join", in: room)
            case 6:
                direct = Set(names.filter { _ in random.oneIn(2) })
                try world.record(
                    AccountDataSet(
                        userID: alice, type: "m.direct",
                        content: [bob: .array(direct.sorted().map(JSONValue.string))]))
            case 7, 8:
                let reader = [alice, bob, carol][random.below(3)]
                guard rooms[room]?.memberships[reader] == "join", let seen = rooms[room]?.events.last else { return }
                try world.receipt(reader, seen.id, in: room)
                rooms[room]?.receipts["m.read \(reader)"] = seen.id
            case 9: try actBesides(room)
            default: try send("m.room.message", in: room, by: speaker, ["body": "m", "msgtype": "m.text"])
            }
        }

        /// What is in no room's timeline.
        private mutating func actBesides(_ room: String) throws {
            let content: JSONValue = ["n": .integer(Int64(random.below(1000)))]
            switch random.below(3) {
            case 0:
                try world.record(AccountDataSet(userID: alice, type: "t", content: content))
                data = content
            case 1:
                try world.record(AccountDataSet(userID: alice, roomID: room, type: "t", content: content))
                rooms[room]?.data = content
            default:
                guard let number = try world.views.read({ try $0.room($1, room) }) else { return }
                let isTyping = rooms[room]?.typists.isEmpty == true
                world.typing.setTyping(room: number, user: try UserID(parsing: bob), isTyping: isTyping)
                rooms[room]?.typists = isTyping ? [bob] : []
            }
        }

        mutating func look() {
            switch random.below(6) {
            case 0: last = first + random.below(5)
            case 1: limit = 1 + random.below(8)
            case 2: subscribed = random.oneIn(2) ? nil : names[random.below(names.count)]
            case 3: wide.toggle()
            case 4: first = random.below(2)
            case 5 where random.oneIn(3): extended.toggle()
            default: break
            }
        }

        var request: JSONObject {
            var state: [JSONValue] = [["m.room.name", ""], ["m.room.member", "$LAZY"], ["m.room.member", "$ME"]]
            if wide { state += [["m.room.topic", ""], ["m.space.child", "*"]] }
            let lists: JSONObject = [
                "top": SlidingSyncTests.list(first, max(first, last), limit: limit, state: .array(state)),
                "dms": SlidingSyncTests.list(0, 1, limit: 1, state: .array(state), filters: ["is_dm": true]),
            ]
            var request: JSONObject = ["lists": .object(lists)]
            if extended {
                request["extensions"] = [
                    "account_data": ["enabled": true], "receipts": ["enabled": true], "typing": ["enabled": true],
                ]
            }
            if let subscribed {
                request["room_subscriptions"] = [
                    subscribed: ["timeline_limit": 5, "required_state": .array(state)]
                ]
            }
            return request
        }

        /// The user's rooms in the order in which lists have them, given what the client has.
        var order: [String] {
            let listed = names.filter { name in
                guard let model = rooms[name] else { return false }
                switch model.own {
                case "join", "invite": return true
                default: return client.rooms[name] != nil || model.wasIn && model.wasKicked
                }
            }
            return listed.sorted { (rooms[$0]?.recency ?? 0) > (rooms[$1]?.recency ?? 0) }
        }
    }

    private func compare(_ life: Life, _ name: String, limit: Int, beside plain: Synced, _ label: String) throws {
        let model = try #require(life.rooms[name])
        let room = try #require(life.client.rooms[name], "\(label) \(name)")
        #expect(room.membership == model.own, "\(label)")
        #expect(room.isDM == life.direct.contains(name), "\(label)")
        guard model.own == "join" else {
            // Nothing is told from behind the departure but what concerns the user.
            let known = Set(model.events.filter { $0.number <= model.leftAt || $0.isOwnMember }.map(\.id))
            #expect(room.timeline.allSatisfy(known.contains), "\(label)")
            return
        }
        #expect(room.name == model.name, "\(label)")
        #expect(room.joined == Int64(model.joined), "\(label)")
        #expect(room.timeline == model.events.map(\.id).suffix(room.timeline.count), "\(label)")
        #expect(room.timeline.count >= min(limit, model.events.count), "\(label) \(limit)")
        // What is not wanted any more is not kept up to date.
        let kept = room.state.filter { life.wide || !$0.key.hasPrefix("m.room.topic") && !$0.key.hasPrefix("m.space") }
        for (key, id) in kept { #expect(model.state[key] == id, "\(label) \(key)") }
        var wanted = ["m.room.name ", "m.room.member \(alice)"]
        let shown = Set(room.timeline)
        wanted += model.events.filter { shown.contains($0.id) }.map { "m.room.member " + $0.sender }
        if life.wide { wanted += ["m.room.topic "] + (0..<3).map { "m.space.child !\($0):x" } }
        for key in wanted { #expect(room.state[key] == model.state[key], "\(label) \(key)") }
        #expect(room.notifications == plain.unread(name), "\(label)")
    }

    /// What extensions tell of a room, or of the whole account.
    private func compareExtensions(_ life: Life, _ name: String, _ label: String) throws {
        let model = try #require(life.rooms[name])
        #expect(life.client.accountData["t"] == life.data, "\(label)")
        #expect(life.client.accountData[name + " t"] == model.data, "\(label)")
        guard model.own == "join" else { return }
        #expect(life.client.typing[name] ?? [] == model.typists, "\(label)")
        let own = model.receipts["m.read \(alice)"]
        var current = Set(model.receipts.map { "\(name) \($0.value) \($0.key)" })
        if let own { #expect(life.client.receipts.contains("\(name) \(own) m.read \(alice)"), "\(label)") }
        current.formIntersection(life.client.receipts)
        #expect(current == life.client.receipts.filter { $0.hasPrefix(name + " ") }, "\(label)")
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func gathersWhatIsThere(seed: UInt64) throws {
        var life = try Life(seed: seed)
        var taken = 0
        var lost = 0
        for step in 0..<200 {
            for _ in 0..<life.random.below(4) { try life.act() }
            life.look()
            if life.random.oneIn(60) {
                life.client.restart()
            }
            let order = life.order
            let answer = try life.client.ask(life.request, pos: life.client.pos).answer
            if life.random.oneIn(4) {
                lost += 1
                continue
            }
            taken += 1
            life.client.take(answer)
            let label = "seed \(seed) step \(step)"
            #expect(life.client.counts["top"] == Int64(order.count), "\(label)")
            let dms = order.filter(life.direct.contains)
            #expect(life.client.counts["dms"] == Int64(dms.count), "\(label)")
            var limits: [String: Int] = [:]
            let window = life.first...max(life.first, life.last)
            for (index, name) in order.enumerated() where window.contains(index) { limits[name] = life.limit }
            for name in dms.prefix(2) { limits[name] = max(limits[name] ?? 0, 1) }
            if let name = life.subscribed, let model = life.rooms[name], order.contains(name) || model.wasIn {
                if model.own == "join" || model.own == "invite" || model.wasIn && model.leftAt > 0
                    || order.contains(name)
                {
                    limits[name] = max(limits[name] ?? 0, 5)
                }
            }
            let told = answer["rooms"]?.objectValue?.keys ?? []
            #expect(Set(told).isSubset(of: limits.keys), "\(label)")
            let plain = try life.world.sync(alice, device: "PLAIN")
            for (name, limit) in limits {
                try compare(life, name, limit: limit, beside: plain, label + " " + name)
                if life.extended { try compareExtensions(life, name, label + " " + name) }
            }
        }
        #expect(taken > 100 && lost > 20)
    }
}
