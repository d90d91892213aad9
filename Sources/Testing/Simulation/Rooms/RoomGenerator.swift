internal import CanonicalJSON
internal import EventAuthorization
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions
internal import TestSupport

/// Makes a random room: a history that forks and merges, and states that disagree.
struct RoomGenerator {
    var random: SeededRandom
    var drafts: RandomDrafts
    var room: GeneratedRoom
    var maker: EventMaker
    /// The branches' ends.
    var tips: [RoomBranch] = []
    /// Branches as they once were.
    var past: [RoomBranch] = []
    let users: [String]
    let servers = ["a.example", "b.example:8448", "c.example"]
    /// How much later each event is at most; 0 makes all times equal.
    let timeStep: Int
    var time: Int64 = 1_000
    var serial = 0

    var version: RoomVersion { room.version }

    init(seed: UInt64, version: RoomVersion) throws {
        var random = SeededRandom(seed: seed)
        let servers = servers
        var users = (0..<4 + random.below(5)).map { "@u\($0):\(servers[random.below(servers.count)])" }
        // Until v11 the room ID names the creator's server.
        users[0] = "@u0:a.example"
        if random.oneIn(8) {
            // Canonically equivalent for Unicode, two users for Matrix.
            users[users.count - 2] = "@e\u{301}:a.example"
            users[users.count - 1] = "@\u{e9}:a.example"
        }
        self.users = users
        timeStep = random.oneIn(4) ? 0 : 1 + random.below(4)
        let opaque = try Self.opaqueID(version: version, serial: 0, random: &random)
        let roomID = version.roomIDIsCreateHash ? RoomID(createEventID: opaque) : RoomID("!room:a.example")
        guard let roomID else { throw RoomGeneratorError.badIdentifier }
        room = GeneratedRoom(seed: seed, version: version, roomID: roomID)
        maker = EventMaker(version: version, roomID: roomID)
        drafts = RandomDrafts(version: version, users: users, random: random.split())
        self.random = random
        try begin(createID: opaque)
    }

    mutating func run() throws {
        let steps = 8 + random.below(28)
        for _ in 0..<steps {
            past.append(tips[random.below(tips.count)])
            if tips.count < 4, random.oneIn(tips.count == 1 ? 4 : 12) {
                tips.append(tips[random.below(tips.count)])
            } else if tips.count > 1, random.oneIn(24) {
                mergeTips()
            } else {
                try step(on: random.below(tips.count))
            }
        }
        chooseQuestions()
    }

    // MARK: The beginning

    private mutating func begin(createID: EventID) throws {
        let creator = users[0]
        tips = [RoomBranch(state: [:], heads: [], depth: 0)]
        var content: JSONObject = ["room_version": .string(version.id)]
        if !version.createWithoutCreator { content["creator"] = .string(creator) }
        if version.privilegedCreators, random.oneIn(3) { content["additional_creators"] = [.string(users[1])] }
        if random.oneIn(16) { content["m.federate"] = false }
        try append(EventMaker.Draft("m.room.create", "", by: creator, content), on: 0, eventID: createID)
        try attempt(drafts.membership("join", of: creator), on: 0)
        if !random.oneIn(12) {
            try attempt(EventMaker.Draft("m.room.power_levels", "", by: creator, firstLevels()), on: 0)
        }
        if !random.oneIn(12) {
            let rule = random.oneIn(3) ? drafts.randomJoinRule() : "public"
            try attempt(EventMaker.Draft("m.room.join_rules", "", by: creator, drafts.joinRules(rule)), on: 0)
        }
        for user in users.dropFirst() where !random.oneIn(3) {
            try attempt(drafts.membership("invite", of: user, by: creator), on: 0)
            try attempt(drafts.membership("join", of: user), on: 0)
        }
    }

    private mutating func firstLevels() -> JSONObject {
        var levels: JSONObject = [:]
        if !version.privilegedCreators { levels[users[0]] = 100 }
        let creators = view(of: [:]).infiniteCreators
        for user in users.dropFirst() where random.oneIn(3) && !creators.contains(user) {
            levels[user] = .integer([50, 50, 75, 100][random.below(4)])
        }
        return ["users": .object(levels)]
    }

    private func view(of state: NaiveState) -> RoomView {
        RoomView(
            version: version, state: state, events: room.events, create: room.order.first.flatMap { room.events[$0] })
    }

    // MARK: Events

    /// One event on a branch, after a few tries.
    private mutating func step(on index: Int) throws {
        let before = room.order.count
        for _ in 0..<4 where room.order.count == before {
            try attempt(drafts.next(in: view(of: tips[index].state)), on: index)
        }
    }

    /// Makes an event and puts it on a branch when the rules allow it there; some that they forbid stay as rejected ones.
    mutating func attempt(_ draft: EventMaker.Draft, on index: Int) throws {
        serial += 1
        let eventID = try Self.opaqueID(version: version, serial: serial, random: &random)
        try append(draft, on: index, eventID: eventID)
    }

    private mutating func append(_ draft: EventMaker.Draft, on index: Int, eventID: EventID) throws {
        let tip = tips[index]
        guard let sender = UserID(draft.sender) else { throw RoomGeneratorError.badIdentifier }
        let authState = random.oneIn(8) ? (random.pick(past)?.state ?? tip.state) : tip.state
        let entries = AuthEventSelection.keys(
            type: draft.type, sender: sender, stateKey: draft.stateKey, content: draft.content, version: version)
        var authEvents: [EventID] = []
        for entry in entries.map({ NaiveStateKey($0.type, $0.stateKey) }) {
            if let authEvent = substitute(for: entry) ?? authState[entry] { authEvents.append(authEvent) }
        }
        time += Int64(random.below(timeStep + 1)) - (random.oneIn(12) && timeStep > 0 ? 3 : 0)
        let place = EventMaker.Place(
            prevEvents: tip.heads, authEvents: authEvents,
            depth: random.oneIn(24) ? Int64(random.below(12)) : tip.depth + 1, time: time)
        let pdu = try maker.pdu(draft, at: place, eventID: eventID)
        let byAuthEvents = NaiveState(
            authEvents.compactMap { own in room.events[own].flatMap { NaiveStateKey($0) }.map { ($0, own) } },
            uniquingKeysWith: { first, _ in first })
        // "Passes authorization rules based on the event's auth events, otherwise it is rejected." Those never matter.
        guard isAllowed(pdu, eventID, in: byAuthEvents) else { return }
        let isAllowedHere = isAllowed(pdu, eventID, in: tip.state)
        guard isAllowedHere || random.oneIn(4) else { return }
        room.events[eventID] = pdu
        room.order.append(eventID)
        guard isAllowedHere else {
            room.rejected.insert(eventID)
            return
        }
        if let entry = NaiveStateKey(pdu) { tips[index].state[entry] = eventID }
        tips[index].heads = [eventID]
        tips[index].depth = pdu.depth
    }

    /// Now and then a rejected event is cited where the state has another one.
    private mutating func substitute(for entry: NaiveStateKey) -> EventID? {
        guard !room.rejected.isEmpty, random.oneIn(6) else { return nil }
        return room.order.first { room.rejected.contains($0) && room.events[$0].flatMap { NaiveStateKey($0) } == entry }
    }

    private func isAllowed(_ pdu: PDU, _ eventID: EventID, in state: NaiveState) -> Bool {
        var naive = room.naive
        return naive.isAllowed(pdu, eventID, in: state, usesOwnAuthEvents: false)
    }

    private mutating func mergeTips() {
        let one = tips.remove(at: random.below(tips.count))
        let index = random.below(tips.count)
        var naive = room.naive
        tips[index].state = naive.resolve([one.state, tips[index].state])
        // "Must contain less than or equal to 20 events."
        tips[index].heads = Array(Set(tips[index].heads + one.heads).sorted().prefix(20))
        tips[index].depth = max(one.depth, tips[index].depth)
    }

    /// An event ID that looks like those of the version and sorts in no particular way.
    private static func opaqueID(version: RoomVersion, serial: Int, random: inout SeededRandom) throws -> EventID {
        let alphabet =
            switch version.eventIDFormat {
            case .opaque: Array("abcXYZ019".utf8)
            case .hashStandardBase64: Array("abcXYZ019+/".utf8)
            case .hashURLSafe: Array("abcXYZ019-_".utf8)
            }
        var text = "$"
        for _ in 0..<4 { text.unicodeScalars.append(Unicode.Scalar(alphabet[random.below(alphabet.count)])) }
        text += String(serial)
        if version.eventIDFormat == .opaque { text += ":a.example" }
        return try EventID(parsing: text)
    }
}

enum RoomGeneratorError: Error {
    case badIdentifier
}
