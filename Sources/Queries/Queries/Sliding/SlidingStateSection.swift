import EventLog
import KeyValueStore
import ReadModel

/// The `required_state` of a room: what the client wants and does not have.
struct SlidingStateSection {
    let context: SlidingContext
    let room: RoomNum
    let config: SlidingRoomConfig
    /// Up to where the client has the room's state; nil when it has none.
    let from: LogPosition?
    /// The state as it was just after this record.
    let end: LogPosition

    struct Found {
        var holders: Set<LogPosition> = []
        /// Entries that were there and are not any more.
        var gone: [SlotName] = []
        /// Whose member events the client has because of the timeline.
        var members: Set<UserNum> = []
    }

    /// So many are remembered in a room; others may be sent twice.
    private static let mostMembers = 2048

    private var snapshot: Snapshot { context.snapshot }

    /// - Parameters:
    ///   - sent: what the client has of the room; nil when it begins anew.
    ///   - isLimited: whether events are missing between what the client has and the timeline.
    func find(_ entries: [TimelineWindow.Entry], sent: SentRoom?, isLimited: Bool) throws -> Found {
        var found = Found()
        if let from, let sent {
            if config != sent.config { try addMatching(to: &found) { try !context.slots.wants(sent.config, $0) } }
            found.members = isLimited ? [] : sent.members
            try addChanges(after: from, isLimited: isLimited, to: &found)
        } else {
            try addMatching(to: &found) { _ in true }
        }
        if config.lazyMembers { try addMembers(entries, to: &found) }
        if found.members.count > Self.mostMembers { found.members = [] }
        return found
    }

    /// Adds the entries that the config wants and that pass a test.
    ///
    /// A client whose config has wanted an entry, then not, and wants it again may still have it: what is gone is told then.
    private func addMatching(to found: inout Found, _ passes: (SlotNum) throws -> Bool) throws {
        for (name, slot) in try context.slots.exactEntries(of: config) where try passes(slot) {
            if let holder = try snapshot.holder(room, slot, asOf: end) {
                found.holders.insert(holder)
            } else if from != nil, try wasHeld(slot) {
                found.gone.append(name)
            }
        }
        guard config.hasWildcards else { return }
        func consider(_ slot: SlotNum, _ holder: LogPosition) throws {
            guard try context.slots.wantsAmongAll(config, slot), try passes(slot) else { return }
            if !holder.isNone {
                found.holders.insert(holder)
            } else if from != nil, let name = try context.slots.name(slot), !found.gone.contains(name) {
                found.gone.append(name)
            }
        }
        if end >= context.upTo {
            try snapshot.forEachStateEntry(snapshot.tables, room) { entry in
                try consider(entry.slot, entry.holder)
                return true
            }
        } else {
            let entries = try snapshot.entries(snapshot.tables, StateSnapshot(room: room, base: end))
            for (slot, holder) in entries { try consider(slot, holder) }
        }
    }

    /// Whether the entry was ever there.
    private func wasHeld(_ slot: SlotNum) throws -> Bool {
        let entry = try snapshot.firstAtOrAfter(snapshot.tables.stateHistory, ViewKeys.stateEntry(room, slot))
        guard let entry else { return false }
        let row = try StateHistoryRow(key: entry.key, value: entry.value)
        return row.room == room && row.slot == slot && row.since <= end
    }

    private func addChanges(after from: LogPosition, isLimited: Bool, to found: inout Found) throws {
        guard from < end else { return }
        for slot in try snapshot.changedSlots(snapshot.tables, room, after: from, upTo: end) {
            // "All membership updates since the last sync when `limited` is false (i.e. non-gappy syncs)."
            let isLazy = try config.lazyMembers && !isLimited && context.slots.isMember(slot)
            guard try isLazy || context.slots.wants(config, slot) else { continue }
            let old = try snapshot.stateHolder(snapshot.tables, room, slot, asOf: from)
            let new = try snapshot.stateHolder(snapshot.tables, room, slot, asOf: end)
            if old == new { continue }
            guard let name = try context.slots.name(slot) else { continue }
            if new.isNone {
                if !found.gone.contains(name) { found.gone.append(name) }
            } else {
                found.holders.insert(new)
            }
            if isLazy, let user = try snapshot.user(snapshot.tables, name.stateKey) { found.members.insert(user) }
        }
    }

    /// "All the `senders` of events in `timeline`" and "the target (i.e. `state_key`) of all membership events in
    /// `timeline`", "excluding membership events previously returned."
    private func addMembers(_ entries: [TimelineWindow.Entry], to found: inout Found) throws {
        var users = Set(entries.map(\.event.sender))
        for entry in entries where entry.event.membership != .none {
            guard let name = try context.slots.name(entry.event.slot),
                let target = try snapshot.user(snapshot.tables, name.stateKey)
            else { continue }
            users.insert(target)
        }
        let missing = users.subtracting(found.members)
        found.holders.formUnion(try snapshot.members(missing.sorted(), of: room, asOf: end))
        found.members.formUnion(users)
    }
}
