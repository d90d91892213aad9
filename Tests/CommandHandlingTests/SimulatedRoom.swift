import CanonicalJSON
import EventAuthorization
import EventSigning
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Simulation
import TestSupport

/// A room that several servers write to without seeing each other, with the state at each event resolved word for word.
struct SimulatedRoom {
    struct Made {
        let eventID: EventID
        let object: JSONObject
        let pdu: PDU
        let before: NaiveState
        let after: NaiveState
        let isRejected: Bool
        let previous: [EventID]
    }

    let version: RoomVersion
    private(set) var roomID: RoomID
    private(set) var made: [Made] = []
    private(set) var byID: [EventID: Made] = [:]
    private var tips: [EventID] = []
    private var random: SeededRandom
    private var maker: EventMaker
    private let key: SigningKey
    private var time: Int64 = 1_700_000_000_000
    private let users = ["@a:one", "@b:one", "@c:two", "@d:two", "@e:three"]

    init(seed: UInt64, version: RoomVersion) throws {
        random = SeededRandom(seed: seed)
        self.version = version
        key = try SigningKey(seed: [UInt8](repeating: 9, count: 32), keyID: "ed25519:1")
        roomID = try RoomID(parsing: "!sim\(seed):one")
        maker = EventMaker(version: version, roomID: roomID)
        var create: JSONObject = ["room_version": .string(version.id)]
        if !version.createWithoutCreator { create["creator"] = "@a:one" }
        let first = try append(EventMaker.Draft("m.room.create", "", by: "@a:one", create), after: [])
        if version.roomIDIsCreateHash {
            roomID = RoomID(createEventID: first)
            maker.roomID = roomID
        }
        try add("m.room.member", "@a:one", by: "@a:one", ["membership": "join"])
        var users: JSONObject = ["@b:one": 50, "@c:two": 50]
        if !version.privilegedCreators { users["@a:one"] = 100 }
        try add("m.room.power_levels", "", by: "@a:one", ["users": .object(users), "state_default": 50])
        try add("m.room.join_rules", "", by: "@a:one", ["join_rule": "public"])
        for user in self.users.dropFirst() { try add("m.room.member", user, by: user, ["membership": "join"]) }
    }

    private mutating func add(_ type: String, _ key: String, by sender: String, _ content: JSONObject) throws {
        _ = try append(EventMaker.Draft(type, key, by: sender, content), after: tips)
    }

    var naive: NaiveResolution {
        NaiveResolution(
            version: version, roomID: roomID,
            events: Dictionary(made.map { ($0.eventID, $0.pdu) }, uniquingKeysWith: { first, _ in first }),
            rejected: Set(made.filter(\.isRejected).map(\.eventID)))
    }

    func resolve(_ states: [NaiveState]) -> NaiveState {
        guard let first = states.first else { return [:] }
        if states.allSatisfy({ $0 == first }) { return first }
        var naive = naive
        return naive.resolve(states)
    }

    mutating func grow(by count: Int) throws {
        for _ in 0..<count {
            let previous: [EventID]
            switch random.below(6) {
            case 0: previous = tips
            case 1: previous = [made[made.count - 1 - random.below(min(8, made.count - 5))].eventID]
            default: previous = [tips[random.below(tips.count)]]
            }
            let user = users[random.below(users.count)]
            let other = users[random.below(users.count)]
            let draft: EventMaker.Draft
            switch random.below(9) {
            case 0: draft = EventMaker.Draft("m.room.member", other, by: user, ["membership": "ban"])
            case 1: draft = EventMaker.Draft("m.room.member", user, by: user, ["membership": "leave"])
            case 2, 3: draft = EventMaker.Draft("m.room.member", user, by: user, ["membership": "join"])
            case 4:
                let level = JSONValue.integer(Int64([0, 25, 50][random.below(3)]))
                var levels: JSONObject = ["@b:one": 50, other: level]
                if !version.privilegedCreators { levels["@a:one"] = 100 } else { levels.removeValue(forKey: "@a:one") }
                draft = EventMaker.Draft(
                    "m.room.power_levels", "", by: user, ["users": .object(levels), "state_default": 50])
            case 5: draft = EventMaker.Draft("m.room.message", nil, by: user, ["body": "b", "msgtype": "m.text"])
            default:
                draft = EventMaker.Draft("m.room.topic", "", by: user, ["topic": .string("t\(made.count)")])
            }
            _ = try append(draft, after: previous)
        }
    }

    /// A user of another server joins, behind all that there is or behind one event.
    mutating func join(_ user: String) throws -> Made? {
        let open = made.filter { !$0.isRejected && $0.after[NaiveStateKey("m.room.join_rules", "")] != nil }
        let previous = random.below(2) == 0 ? tips : [random.pick(open)?.eventID].compactMap { $0 }
        let draft = EventMaker.Draft("m.room.member", user, by: user, ["membership": "join"])
        return byID[try append(draft, after: previous)]
    }

    /// Sends an event behind all that there is.
    mutating func send(_ draft: EventMaker.Draft) throws -> Made? { byID[try append(draft, after: tips)] }

    /// What an event, or a state, rests on: auth events, their auth events and so on, each after its own.
    func authChain(of events: some Sequence<EventID>) -> [Made] {
        var found: Set<EventID> = []
        var waiting = Array(events)
        while let eventID = waiting.popLast() {
            for authEvent in byID[eventID]?.pdu.authEvents ?? [] where found.insert(authEvent).inserted {
                waiting.append(authEvent)
            }
        }
        return made.filter { found.contains($0.eventID) }
    }

    /// So many events that all follow the same one; each sets an entry of its own, and all of them the topic.
    mutating func spread(over count: Int) throws {
        guard let point = tips.last else { return }
        for number in 0..<count {
            let topic = EventMaker.Draft("m.room.topic", "", by: "@a:one", ["topic": .string("spread \(number)")])
            let first = try append(topic, after: [point])
            _ = try append(EventMaker.Draft("m.test", "\(number)", by: "@a:one"), after: [first])
        }
    }

    private mutating func append(_ draft: EventMaker.Draft, after previous: [EventID]) throws -> EventID {
        let before = resolve(previous.compactMap { byID[$0]?.after })
        time += Int64(random.below(3))
        let sender = try UserID(parsing: draft.sender)
        let entries = AuthEventSelection.keys(
            type: draft.type, sender: sender, stateKey: draft.stateKey, content: draft.content, version: version)
        let auth = entries.compactMap { before[NaiveStateKey($0.type, $0.stateKey)] }
        let depth = (previous.compactMap { byID[$0]?.pdu.depth }.max() ?? 0) + 1
        let opaque = try EventID(parsing: "$e\(made.count):one")
        let place = EventMaker.Place(prevEvents: previous, authEvents: auth, depth: depth, time: time)
        let object = maker.object(draft, at: place, eventID: opaque)
        let signed = try EventSigner.sign(draft: object, version: version, server: sender.serverName, key: key)
        let pdu = try PDU(object: signed.object, version: version)
        let isRejected = !isAllowed(pdu, signed.eventID, before)
        var after = before
        if !isRejected, let stateKey = pdu.stateKey { after[NaiveStateKey(pdu.type, stateKey)] = signed.eventID }
        let event = Made(
            eventID: signed.eventID, object: signed.object, pdu: pdu, before: before, after: after,
            isRejected: isRejected, previous: previous)
        made.append(event)
        byID[signed.eventID] = event
        tips.removeAll { previous.contains($0) }
        tips.append(signed.eventID)
        return signed.eventID
    }

    func isAllowed(_ pdu: PDU, _ eventID: EventID, _ state: NaiveState) -> Bool {
        let reader = DictionaryAuthState(state.values.compactMap { byID[$0]?.pdu })
        do {
            try EventAuthorizer.check(
                pdu, eventID: eventID, roomID: pdu.effectiveRoomID(eventID: eventID), version: version, state: reader)
            return true
        } catch {
            return false
        }
    }

    /// All events in a random order in which none comes before those that it follows.
    mutating func delivery() -> [Made] {
        var waiting = made
        var delivered: Set<EventID> = []
        var order: [Made] = []
        while !waiting.isEmpty {
            let ready = waiting.indices.filter { index in
                waiting[index].previous.allSatisfy(delivered.contains)
                    && waiting[index].pdu.authEvents.allSatisfy(delivered.contains)
            }
            guard let index = random.pick(Array(ready.prefix(4))) else { return order }
            let event = waiting.remove(at: index)
            delivered.insert(event.eventID)
            order.append(event)
        }
        return order
    }
}
