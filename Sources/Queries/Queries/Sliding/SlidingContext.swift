import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// What all parts of one sliding answer share.
struct SlidingContext {
    let snapshot: Snapshot
    let asker: Asker
    let request: SlidingSyncRequest
    /// Whether the names of the merged proposal alone are used, or also those that clients knew before.
    let dialect: SlidingDialect
    /// What the client has.
    let state: SlidingState
    let isInitial: Bool
    /// The end of what is told: the newest record of the snapshot.
    let upTo: LogPosition
    let renderer: EventRenderer
    let unread: UnreadCounter
    let ignored: Set<UserNum>
    /// The user's direct chats.
    let direct: Set<RoomNum>
    /// Whether they may be others than in the last answer.
    let directMayDiffer: Bool
    let slots: SlotLookup
    /// The rooms in which anything happened since the last answer, perhaps more; nil when that is not known.
    let touched: Set<RoomNum>?

    var user: UserNum { asker.identity.userNum }
    /// The end of what the last answer told.
    var since: LogPosition { state.position }
}

/// In which words an answer is given.
package enum SlidingDialect: Sendable, Hashable {
    /// `/v4/sync`
    case stable
    /// `/unstable/org.matrix.simplified_msc3575/sync`: the names that stood there first, beside the present ones.
    case unstable
}

/// Names and numbers of state entries, looked up once for all rooms of an answer.
final class SlotLookup {
    private let snapshot: Snapshot
    private var numbers: [SlotName: SlotNum?] = [:]
    private var verdicts: [ObjectIdentifier: [SlotNum: Bool]] = [:]
    private var exact: [ObjectIdentifier: [(name: SlotName, slot: SlotNum)]] = [:]

    init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
    }

    func number(_ name: SlotName) throws -> SlotNum? {
        if let known = numbers[name] { return known }
        let number = try snapshot.slot(name.type, name.stateKey)
        numbers[name] = .some(number)
        return number
    }

    /// The event that holds an entry of state just after a record.
    func holder(_ room: RoomNum, _ type: String, _ stateKey: String = "", asOf end: LogPosition) throws -> LogPosition?
    {
        guard let slot = try number(SlotName(type: type, stateKey: stateKey)) else { return nil }
        return try snapshot.holder(room, slot, asOf: end)
    }

    func name(_ slot: SlotNum) throws -> SlotName? { try snapshot.slotName(snapshot.tables, slot) }

    /// Whether a config wants an entry of state.
    func wants(_ config: SlidingRoomConfig, _ slot: SlotNum) throws -> Bool {
        let id = ObjectIdentifier(config)
        if let known = verdicts[id]?[slot] { return known }
        let verdict = try name(slot).map(config.wants) ?? false
        verdicts[id, default: [:]][slot] = verdict
        return verdict
    }

    /// The same, but of members only what a wildcard matches: who is named alone is looked up and not searched for. Of the
    /// many members of a room nothing is remembered.
    func wantsAmongAll(_ config: SlidingRoomConfig, _ slot: SlotNum) throws -> Bool {
        if let known = verdicts[ObjectIdentifier(config)]?[slot] { return known }
        if try !config.mayWantManyMembers && isMember(slot) { return false }
        return try wants(config, slot)
    }

    /// The single entries that a config names and that exist anywhere.
    func exactEntries(of config: SlidingRoomConfig) throws -> [(name: SlotName, slot: SlotNum)] {
        let id = ObjectIdentifier(config)
        if let known = exact[id] { return known }
        var entries: [(name: SlotName, slot: SlotNum)] = []
        for name in config.exactEntries {
            // Where all state is looked through, they are found there.
            if config.hasWildcards, config.mayWantManyMembers || name.type != "m.room.member" { continue }
            if let slot = try number(name) { entries.append((name, slot)) }
        }
        exact[id] = entries
        return entries
    }

    private static let memberPrefix = ViewKeys.slotText(type: "m.room.member", stateKey: "")

    /// Whether an entry is a member's, found out without reading who it is.
    func isMember(_ slot: SlotNum) throws -> Bool {
        try snapshot.nameSlice(snapshot.tables, .slot, slot.rawValue)?.starts(with: Self.memberPrefix) ?? false
    }
}
