package import EventLog
package import KeyValueStore

/// The state before and after every event, also on the side branches of a fork.
extension StoreReader where Self: ~Copyable {
    package func stateBeforeRow(
        _ tables: ViewTables, _ room: RoomNum, _ position: LogPosition
    ) throws -> StateBeforeRow? {
        try get(tables.stateBefore, ViewKeys.stateRecord(room, position)).map { try StateBeforeRow(reading: $0) }
    }

    /// The entry that an event sets in the state after it: "if the event is rejected, the state after it is the state before
    /// it". A soft-failed event does set its entry for the events that follow it.
    package func ownEntry(_ tables: ViewTables, at position: LogPosition) throws -> StateDelta.Entry? {
        guard let row = try eventRow(tables, position), row.isState, !row.slot.isNone else { return nil }
        guard row.flags.isDisjoint(with: [.rejected, .outlier]) else { return nil }
        return (slot: row.slot, holder: row.holder(at: position))
    }

    /// The state before an event.
    package func snapshot(
        _ tables: ViewTables, _ room: RoomNum, before position: LogPosition
    ) throws -> StateSnapshot {
        var overlay: [SlotNum: LogPosition] = [:]
        var at = position
        while let row = try stateBeforeRow(tables, room, at) {
            // What is nearer to the event counts.
            for entry in row.delta where overlay[entry.slot] == nil { overlay[entry.slot] = entry.holder }
            let next: LogPosition
            switch row.base {
            case .current(let base): return StateSnapshot(room: room, base: base, overlay: overlay)
            case .before(let other): next = other
            case .after(let other):
                if let own = try ownEntry(tables, at: other), overlay[own.slot] == nil {
                    overlay[own.slot] = own.holder
                }
                next = other
            }
            // Rows point to earlier records only.
            guard next < at else { throw StateFault.circularState(at) }
            at = next
        }
        return StateSnapshot(room: room, base: LogPosition(rawValue: max(at.rawValue, 1) - 1), overlay: overlay)
    }

    /// The state after an event.
    package func snapshot(
        _ tables: ViewTables, _ room: RoomNum, after position: LogPosition
    ) throws -> StateSnapshot {
        if try isCurrentAfter(tables, room, position) { return StateSnapshot(room: room, base: position) }
        var snapshot = try snapshot(tables, room, before: position)
        if let own = try ownEntry(tables, at: position) { snapshot.overlay[own.slot] = own.holder }
        return snapshot
    }

    /// Whether the state after an event is the room's current state just after its record.
    package func isCurrentAfter(
        _ tables: ViewTables, _ room: RoomNum, _ position: LogPosition
    ) throws -> Bool {
        guard try stateBeforeRow(tables, room, position) == nil,
            try !contains(tables.stateDeltas, ViewKeys.stateRecord(room, position))
        else { return false }
        guard let own = try ownEntry(tables, at: position) else { return true }
        return try stateHolder(tables, room, own.slot, asOf: position) == own.holder
    }

    /// The event that holds an entry; 0 when none does.
    package func holder(_ tables: ViewTables, _ snapshot: StateSnapshot, _ slot: SlotNum) throws -> LogPosition {
        if let held = snapshot.overlay[slot] { return held }
        return try stateHolder(tables, snapshot.room, slot, asOf: snapshot.base)
    }

    /// The whole state: costs as much as the room has entries.
    package func entries(_ tables: ViewTables, _ snapshot: StateSnapshot) throws -> [SlotNum: LogPosition] {
        var entries: [SlotNum: LogPosition] = [:]
        if snapshot.base != .none {
            var later: Set<SlotNum> = []
            let newest = LogPosition(rawValue: .max - 1)
            later = try changedSlots(tables, snapshot.room, after: snapshot.base, upTo: newest)
            try forEachStateEntry(tables, snapshot.room) { row in
                if !later.contains(row.slot), row.holder != .none { entries[row.slot] = row.holder }
                return true
            }
            for slot in later {
                let held = try stateHolder(tables, snapshot.room, slot, asOf: snapshot.base)
                if held != .none { entries[slot] = held }
            }
        }
        for (slot, held) in snapshot.overlay { entries[slot] = held == .none ? nil : held }
        return entries
    }

    /// The entries that two states of one room hold differently, by slot: costs as much as has changed between them.
    package func differences(
        _ tables: ViewTables, _ before: StateSnapshot, _ after: StateSnapshot
    ) throws -> [StateSnapshot.Difference] {
        var slots = Set(before.overlay.keys)
        slots.formUnion(after.overlay.keys)
        slots.formUnion(
            try changedSlots(
                tables, before.room, after: min(before.base, after.base), upTo: max(before.base, after.base)))
        var found: [StateSnapshot.Difference] = []
        for slot in slots.sorted() {
            let old = try holder(tables, before, slot)
            let new = try holder(tables, after, slot)
            if old != new { found.append(StateSnapshot.Difference(slot: slot, before: old, after: new)) }
        }
        return found
    }
}

/// The tables of room state contradict themselves: mended by a rebuild.
package enum StateFault: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownEvent(String)
    case circularState(LogPosition)

    package var description: String {
        switch self {
        case .unknownEvent(let eventID): "the state names \(eventID), which was not recorded before"
        case .circularState(let position): "the state before the event at \(position) rests on a later one"
        }
    }
}
