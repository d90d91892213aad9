import EventLog
import KeyValueStore
import ReadModel

extension LogPosition {
    static let none = LogPosition(rawValue: 0)
    var isNone: Bool { rawValue == 0 }
    /// Behind every record there will be.
    static let newest = LogPosition(rawValue: .max - 1)
    var before: LogPosition { LogPosition(rawValue: rawValue == 0 ? 0 : rawValue - 1) }
}

/// Events and the state they make.
extension Snapshot {
    /// The row that other rows point to.
    func event(at position: LogPosition) throws -> EventRow {
        guard let row = try eventRow(tables, position) else { throw ViewDamage.missingEvent(position) }
        return row
    }

    /// Whether an event may be shown to those who may see it. One without its place is shown only as part of the state.
    func isShown(_ event: EventRow, at position: LogPosition) throws -> Bool {
        guard event.flags.isDisjoint(with: [.rejected, .softFailed]) else { return false }
        guard event.flags.contains(.outlier) else { return true }
        return try !event.slot.isNone && currentHolder(event.room, event.slot) == event.holder(at: position)
    }

    /// Whether an event came when later ones were known already, so that the room's state in the order of the log says nothing
    /// about it.
    func isBackfilled(_ event: EventRow, at position: LogPosition) throws -> Bool {
        guard let head = try head(of: event.room), head.backfilledCount > 0 else { return false }
        return try pastEntry(tables, event.room, depth: event.depth, position)?.isBackfilled ?? false
    }

    /// Whether the room's whole state came with the record: the state before its event is then not that of the record before.
    func adopts(_ room: RoomNum, at position: LogPosition) throws -> Bool {
        try stateBeforeRow(tables, room, position)?.base == .current(position)
    }

    func head(of room: RoomNum) throws -> RoomHead? { try roomHead(tables, room) }

    func membership(of user: UserNum, in room: RoomNum) throws -> MembershipRow? {
        try get(tables.membershipsByUser, ViewKeys.membership(user, room)).map { try MembershipRow(reading: $0) }
    }

    func member(_ user: UserNum, of room: RoomNum) throws -> MemberRow? {
        try get(tables.stateMembers, ViewKeys.member(room, user)).map { try MemberRow(reading: $0) }
    }

    /// The event that now holds an entry of state.
    func currentHolder(_ room: RoomNum, _ slot: SlotNum) throws -> LogPosition? {
        try holder(room, slot, asOf: .newest)
    }

    func currentHolder(_ room: RoomNum, _ type: String, _ stateKey: String = "") throws -> LogPosition? {
        guard let slot = try slot(type, stateKey) else { return nil }
        return try currentHolder(room, slot)
    }

    /// The event that held an entry of state just after the record at `position`.
    func holder(_ room: RoomNum, _ slot: SlotNum, asOf position: LogPosition) throws -> LogPosition? {
        let holder = try stateHolder(tables, room, slot, asOf: position)
        return holder.isNone ? nil : holder
    }

    func holder(
        _ room: RoomNum, _ type: String, _ stateKey: String = "", asOf position: LogPosition
    ) throws -> LogPosition? {
        guard let slot = try slot(type, stateKey) else { return nil }
        return try holder(room, slot, asOf: position)
    }

    /// The events that hold a room's current state, in log order.
    func currentState(of room: RoomNum) throws -> [LogPosition] {
        var holders: [LogPosition] = []
        try forEachStateEntry(tables, room) { row in
            if !row.holder.isNone { holders.append(row.holder) }
            return true
        }
        return holders.sorted()
    }

    /// The events that held a room's state just after the record at `position`, in log order: the present state with what
    /// has changed since undone.
    func state(of room: RoomNum, at position: LogPosition) throws -> [LogPosition] {
        guard let head = try head(of: room) else { return [] }
        if head.lastStatePosition <= position { return try currentState(of: room) }
        return try entries(tables, StateSnapshot(room: room, base: position)).values.sorted()
    }

    /// The events that came to hold entries of state after `since` and still did just after `position`, in log order.
    func stateChanges(in room: RoomNum, after since: LogPosition, upTo position: LogPosition) throws -> [LogPosition] {
        guard since < position else { return [] }
        var holders: [LogPosition] = []
        for slot in try changedSlots(tables, room, after: since, upTo: position) {
            let old = try stateHolder(tables, room, slot, asOf: since)
            let new = try stateHolder(tables, room, slot, asOf: position)
            if new != old, !new.isNone { holders.append(new) }
        }
        return holders.sorted()
    }

    /// Entries that state resolution gave other holders between two records, as they are just after the later one: what the
    /// state events of the timeline between do not tell.
    func resolvedChanges(
        in room: RoomNum, after since: LogPosition, upTo position: LogPosition
    ) throws -> [SlotNum: LogPosition] {
        guard since < position else { return [:] }
        var holders: [SlotNum: LogPosition] = [:]
        let from = ViewKeys.stateRecord(room, since.next)
        let to = ViewKeys.stateRecord(room, position.next)
        try forEach(tables.stateDeltas, from: from, to: to) { _, value in
            var input = ByteReader(value)
            for entry in try StateDelta.read(&input) { holders[entry.slot] = entry.holder }
            return true
        }
        for slot in holders.keys {
            let old = try stateHolder(tables, room, slot, asOf: since)
            let new = try stateHolder(tables, room, slot, asOf: position)
            holders[slot] = old == new ? nil : new
        }
        return holders
    }
}
