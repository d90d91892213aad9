internal import CanonicalJSON
internal import EventAuthorization
internal import MatrixEvents
internal import MatrixIdentifiers
package import RoomVersions
internal import TestSupport

/// Several servers in one room, on a virtual network, until all has been delivered.
///
/// Users of every server act on what their server has seen by then: bans race joins, moderators race each other. One server
/// also writes into the past and sends what nothing allows. In the end the network heals, and every view must be the same.
package struct SimulatedRoom {
    package let seed: UInt64
    package let version: RoomVersion
    private var servers: [SimulatedServer] = []
    private var network: VirtualNetwork
    private var random: SeededRandom
    private var drafts: RandomDrafts
    private var maker: EventMaker
    private let serverNames = ["a.example", "b.example:8448", "c.example", "d.example"]
    private var now = 0
    private var serial = 0
    /// What was said in the last round of healing.
    private var lastWords: Set<EventID> = []
    /// The servers in the room none of whose users could say anything then.
    private var silent: Set<Int> = []
    /// What came of it.
    package private(set) var report = SimulationReport()

    package init(seed: UInt64, version: RoomVersion) throws {
        self.seed = seed
        self.version = version
        random = SeededRandom(seed: seed)
        network = VirtualNetwork(random: random.split())
        let users = serverNames.flatMap { ["@u:\($0)", "@v:\($0)"] }
        drafts = RandomDrafts(version: version, users: users, random: random.split())
        maker = EventMaker(version: version, roomID: RoomID("!room:a.example"))
        try begin()
    }

    /// Runs to the end.
    package mutating func run(actions: Int = 50) throws {
        var left = actions
        while left > 0 {
            if let next = network.nextTime, next <= now || random.oneIn(2) {
                try deliver()
            } else {
                try act()
                left -= 1
                now += random.below(6)
                if random.oneIn(12) {
                    network.togglePartition(between: random.below(servers.count), and: random.below(servers.count))
                }
            }
        }
        try heal()
        try check()
    }

    // MARK: The beginning

    /// All servers begin with the room's creation and a user of each in it.
    private mutating func begin() throws {
        let creator = drafts.users[0]
        var content: JSONObject = ["room_version": .string(version.id)]
        if !version.createWithoutCreator { content["creator"] = .string(creator) }
        let place = EventMaker.Place(prevEvents: [], authEvents: [], depth: 1, time: 1)
        let draft = EventMaker.Draft("m.room.create", "", by: creator, content)
        let (create, pdu) = try maker.identified(draft, at: place, opaque: opaqueID())
        if version.roomIDIsCreateHash { maker.roomID = RoomID(createEventID: create) }
        guard let roomID = maker.roomID else { throw RoomGeneratorError.badIdentifier }
        for name in serverNames {
            var server = try SimulatedServer(name: name, version: version, roomID: roomID)
            _ = try server.receive(pdu, create)
            servers.append(server)
        }
        var levels: JSONObject = [drafts.users[2]: 100, drafts.users[4]: 50, drafts.users[6]: 50]
        if !version.privilegedCreators { levels[creator] = 100 }
        var first = [drafts.membership("join", of: creator)]
        first.append(EventMaker.Draft("m.room.power_levels", "", by: creator, ["users": .object(levels)]))
        first.append(EventMaker.Draft("m.room.join_rules", "", by: creator, ["join_rule": "public"]))
        for index in 1..<serverNames.count { first.append(drafts.membership("join", of: drafts.users[2 * index])) }
        for draft in first {
            guard let (eventID, pdu) = try make(draft, on: 0, after: servers[0].extremities) else {
                throw RoomGeneratorError.badIdentifier
            }
            for index in servers.indices { _ = try servers[index].receive(pdu, eventID) }
        }
    }

    // MARK: Acting

    /// A user of some server does something that its server allows, or has allowed in the past.
    private mutating func act() throws {
        let index = random.below(servers.count)
        let reachesBack = index == servers.count - 1 && random.oneIn(4)
        let heads = reachesBack ? Set(random.pick(servers[index].order).map { [$0] } ?? []) : servers[index].extremities
        for _ in 0..<24 {
            let draft = try drafts.next(in: view(on: index, after: heads))
            guard UserID(draft.sender)?.serverName.rawValue == servers[index].name else { continue }
            let isForged = index == servers.count - 1 && random.oneIn(3)
            guard let (eventID, pdu) = try make(draft, on: index, after: heads, isForged: isForged) else { continue }
            report.sent += 1
            _ = try servers[index].receive(pdu, eventID)
            for other in servers.indices where other != index {
                network.send(.event(eventID, pdu), from: index, to: other, at: now)
            }
            return
        }
    }

    private mutating func view(on index: Int, after heads: Set<EventID>) throws -> RoomView {
        let state = try servers[index].state(after: heads)
        let create = servers[index].order.first.flatMap { servers[index].events[$0] }
        return RoomView(version: version, state: state, events: servers[index].events, create: create)
    }

    /// Makes an event after some heads; nil when the rules forbid it there and it is not forged.
    private mutating func make(
        _ draft: EventMaker.Draft, on index: Int, after heads: Set<EventID>, isForged: Bool = false
    ) throws -> (EventID, PDU)? {
        guard let sender = UserID(draft.sender) else { throw RoomGeneratorError.badIdentifier }
        // "Must contain less than or equal to 20 events."
        let heads = Set(heads.sorted().prefix(20))
        let state = try servers[index].state(after: heads)
        let entries = AuthEventSelection.keys(
            type: draft.type, sender: sender, stateKey: draft.stateKey, content: draft.content, version: version)
        let depth = heads.compactMap { servers[index].events[$0]?.depth }.max() ?? 0
        let place = EventMaker.Place(
            prevEvents: heads.sorted(),
            authEvents: entries.compactMap { state[NaiveStateKey($0.type, $0.stateKey)] },
            depth: depth + 1, time: Int64(now + random.below(3)))
        let (eventID, pdu) = try maker.identified(draft, at: place, opaque: opaqueID())
        guard !isForged else { return (eventID, pdu) }
        let server = servers[index]
        return server.passesByAuthEvents(pdu, eventID) && server.passes(pdu, eventID, in: state) ? (eventID, pdu) : nil
    }

    private mutating func opaqueID() throws -> EventID {
        serial += 1
        return try EventID(parsing: "$\(random.below(1_000))x\(serial):a.example")
    }

    // MARK: Delivering

    private mutating func deliver() throws {
        guard let delivery = network.receive() else { return }
        now = max(now, delivery.time)
        let (receiver, sender) = (delivery.receiver, delivery.sender)
        switch delivery.message {
        case .event(let eventID, let pdu):
            let missing = try servers[receiver].receive(pdu, eventID)
            if !missing.isEmpty {
                report.gaps += 1
                network.send(.request(missing), from: receiver, to: sender, at: now)
            }
        case .request(let eventIDs):
            for eventID in eventIDs {
                guard let pdu = servers[receiver].events[eventID] ?? servers[receiver].waiting[eventID] else {
                    continue
                }
                network.send(.event(eventID, pdu), from: receiver, to: sender, at: now)
            }
        }
    }

    private mutating func drain() throws {
        while !network.isQuiet { try deliver() }
    }

    /// Nothing is lost any more, and every server gets what it lacks; then the servers still in the room say a word each, as
    /// ordinary traffic does, so that what one of them left aside is pointed to.
    private mutating func heal() throws {
        network.heal()
        try drain()
        for sender in servers.indices {
            for eventID in servers[sender].order {
                guard let pdu = servers[sender].events[eventID] else { continue }
                for receiver in servers.indices where servers[receiver].events[eventID] == nil {
                    network.send(.event(eventID, pdu), from: sender, to: receiver, at: now)
                }
            }
        }
        try drain()
        for _ in 0..<6 {
            guard try !areExtremitiesEqual() else { return }
            report.healingRounds += 1
            lastWords = []
            silent = []
            for index in servers.indices where try !joinedUsers(of: index).isEmpty {
                now += 1
                guard let (eventID, pdu) = try anyWord(on: index) else {
                    silent.insert(index)
                    continue
                }
                lastWords.insert(eventID)
                for receiver in servers.indices {
                    network.send(.event(eventID, pdu), from: index, to: receiver, at: now)
                }
                try drain()
            }
        }
    }

    /// A message by some user of a server, or where none may speak a new name.
    private mutating func anyWord(on index: Int) throws -> (EventID, PDU)? {
        for user in try joinedUsers(of: index) {
            let message = EventMaker.Draft("m.room.message", nil, by: user, ["body": "anyone here?"])
            for draft in [message, drafts.membership("join", of: user)] {
                if let word = try make(draft, on: index, after: servers[index].extremities) { return word }
            }
        }
        return nil
    }

    private mutating func joinedUsers(of index: Int) throws -> [String] {
        let view = try view(on: index, after: servers[index].extremities)
        return drafts.users.filter { user in
            view.membership(of: user) == "join" && UserID(user)?.serverName.rawValue == servers[index].name
        }
    }

    // MARK: Checking

    /// The servers that are still in the room by their own view.
    private mutating func present() throws -> [Int] { try servers.indices.filter { try !joinedUsers(of: $0).isEmpty } }

    private mutating func areExtremitiesEqual() throws -> Bool {
        Set(try present().map { servers[$0].extremities }).count <= 1
    }

    private mutating func check() throws {
        let first = servers[0]
        for server in servers {
            if !server.waiting.isEmpty { fail("\(server.name) still waits for events") }
            if Set(server.order) != Set(first.order) { fail("\(server.name) has other events") }
            if server.rejected != first.rejected { fail("\(server.name) rejected other events") }
            for (eventID, state) in server.stateAfter where first.stateAfter[eventID] != state {
                fail("\(server.name) has another state after \(eventID)")
            }
            report.softFailed += server.softFailed.count
            report.resolutions += server.resolutions
        }
        let whole = try servers.indices.map { try servers[$0].state(after: servers[$0].heads) }
        if Set(whole).count > 1 { fail("the state after all events differs") }
        let inRoom = try present()
        let current = try inRoom.map { try servers[$0].currentState() }
        if Set(current).count > 1 {
            // Soft failure depends on the order of arrival: two servers that each take the other's users for removed stay
            // apart, in Matrix as here; so does one whose users may say nothing. Without such a reason they must not.
            let isRefused = inRoom.contains { !servers[$0].softFailed.isDisjoint(with: lastWords) }
            report.isSplit = isRefused || !silent.isEmpty
            if !report.isSplit { fail("the current state differs, and nobody refuses anybody") }
        }
        var naive = NaiveResolution(
            version: version, roomID: first.roomID, events: first.events, rejected: first.rejected)
        if let state = whole.first, first.heads.count > 1,
            naive.resolve(first.heads.sorted().compactMap { first.stateAfter[$0] }) != state
        {
            fail("the naive resolution of all heads differs")
        }
        report.servers = inRoom.count
        report.events = first.order.count
        report.rejected = first.rejected.count
        report.heads = first.heads.count
        (report.lost, report.repeated) = (network.lost, network.repeated)
    }

    private mutating func fail(_ what: String) {
        report.failures.append("seed \(seed), room version \(version): \(what)")
    }
}
