import EventLog
import KeyValueStore
import ReadModel

extension LogPosition {
    static let none = LogPosition(rawValue: 0)
    var isNone: Bool { rawValue == 0 }
    var before: LogPosition { LogPosition(rawValue: rawValue == 0 ? 0 : rawValue - 1) }
}

/// Events and the state they make.
extension Snapshot {
    /// The row that other rows point to.
    func event(at position: LogPosition) throws -> EventRow {
        guard let row = try eventRow(tables, position) else { throw ViewDamage.missingEvent(position) }
        return row
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
        let value = try get(tables.stateCurrent, ViewKeys.stateCurrent(room, slot))
        return value?.number(at: 0).map(LogPosition.init(rawValue:))
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
        try forEach(tables.stateCurrent, prefix: ViewKeys.room(room)) { _, value in
            if let holder: UInt64 = value.number(at: 0) { holders.append(LogPosition(rawValue: holder)) }
            return true
        }
        return holders.sorted()
    }

    /// The events that held a room's state just after the record at `position`, in log order; exact at any position.
    func state(of room: RoomNum, at position: LogPosition) throws -> [LogPosition] {
        guard let head = try head(of: room) else { return [] }
        if head.lastStatePosition <= position { return try currentState(of: room) }
        var holders: [LogPosition] = []
        var slot = SlotNum.none
        var holder = LogPosition.none
        // Keys ascend by entry and then by position: of each entry the last change that is not too new counts.
        try forEach(tables.stateHistory, prefix: ViewKeys.room(room)) { key, value in
            let row = try StateHistoryRow(key: key, value: value)
            if row.slot != slot {
                if !holder.isNone { holders.append(holder) }
                slot = row.slot
                holder = .none
            }
            if row.since <= position { holder = row.holder }
            return true
        }
        if !holder.isNone { holders.append(holder) }
        return holders.sorted()
    }

    /// As ``state(of:at:)``, made from the current state: cheap when little has changed since.
    ///
    /// Entries that are gone by now are not found again, so the position must be one after which none was removed; only
    /// state resolution removes entries.
    func recentState(of room: RoomNum, at position: LogPosition, head: RoomHead) throws -> [LogPosition] {
        if head.lastStatePosition <= position { return try currentState(of: room) }
        var holders: [LogPosition] = []
        try forEach(tables.stateCurrent, prefix: ViewKeys.room(room)) { key, value in
            let entry = try StateEntryRow(key: key, value: value)
            if entry.position <= position {
                holders.append(entry.position)
            } else if let holder = try holder(room, entry.slot, asOf: position) {
                holders.append(holder)
            }
            return true
        }
        return holders.sorted()
    }

    /// The events that came to hold entries of state after `since` and still did just after `position`, in log order.
    func stateChanges(in room: RoomNum, after since: LogPosition, upTo position: LogPosition) throws -> [LogPosition] {
        guard since < position else { return [] }
        var bySlot: [SlotNum: LogPosition] = [:]
        var seen = 0
        let from = ViewKeys.timeline(room, since.next)
        let to = ViewKeys.timeline(room, position.next)
        let longestWalk = 1024
        try forEach(tables.timelineOrder, from: from, to: to) { key, value in
            seen += 1
            let entry = try TimelineEntry(key: key, value: value)
            if entry.flags.contains(.state) {
                bySlot[try event(at: entry.position).slot] = entry.position
            }
            return seen < longestWalk
        }
        if seen < longestWalk { return bySlot.values.sorted() }
        var holders: [LogPosition] = []
        try forEach(tables.stateCurrent, prefix: ViewKeys.room(room)) { key, value in
            let entry = try StateEntryRow(key: key, value: value)
            guard entry.position > since else { return true }
            let holder = entry.position <= position ? entry.position : try holder(room, entry.slot, asOf: position)
            if let holder, holder > since { holders.append(holder) }
            return true
        }
        return holders.sorted()
    }
}
