package import EventLog
package import KeyValueStore

/// The current state of rooms as of any record: versioned entries in the order of the log.
extension StoreReader where Self: ~Copyable {
    /// The event that held an entry of the current state just after the record at `position`; 0 when none did.
    package func stateHolder(
        _ tables: ViewTables, _ room: RoomNum, _ slot: SlotNum, asOf position: LogPosition
    ) throws -> LogPosition {
        guard let entry = try lastAtOrBefore(tables.stateHistory, ViewKeys.stateHistory(room, slot, position)) else {
            return .none
        }
        let row = try StateHistoryRow(key: entry.key, value: entry.value)
        return row.room == room && row.slot == slot ? row.holder : .none
    }

    /// Visits the entries of the current state in the order of their slots until `body` answers false. Entries that are gone
    /// are visited too, with the holder 0.
    package func forEachStateEntry(
        _ tables: ViewTables, _ room: RoomNum, _ body: (StateHistoryRow) throws -> Bool
    ) throws {
        // An entry that changed often is left by a look-up.
        let longestWalk = 24
        var from = ViewKeys.room(room)
        while true {
            var held: StateHistoryRow?
            var walked = 0
            var crowded: SlotNum?
            var isDone = false
            try forEach(tables.stateHistory, from: from, prefix: ViewKeys.room(room)) { key, value in
                let row = try StateHistoryRow(key: key, value: value)
                if let last = held, last.slot != row.slot {
                    walked = 0
                    isDone = try !body(last)
                    if isDone { return false }
                }
                held = row
                walked += 1
                if walked >= longestWalk { crowded = row.slot }
                return crowded == nil
            }
            if isDone { return }
            guard let slot = crowded else {
                if let held { _ = try body(held) }
                return
            }
            let newest = ViewKeys.stateHistory(room, slot, LogPosition(rawValue: .max))
            if let entry = try lastAtOrBefore(tables.stateHistory, newest) {
                guard try body(try StateHistoryRow(key: entry.key, value: entry.value)) else { return }
            }
            guard slot.rawValue < UInt32.max else { return }
            from = ViewKeys.stateEntry(room, SlotNum(rawValue: slot.rawValue + 1))
        }
    }

    // MARK: changes in the order of the log

    /// Visits the records that changed the current state after one and up to another, until `body` answers false.
    package func forEachStateChange(
        _ tables: ViewTables, _ room: RoomNum, after since: LogPosition, upTo end: LogPosition,
        _ body: (StateChangeBlock.Change) throws -> Bool
    ) throws {
        guard since < end else { return }
        var from = ViewKeys.stateRecord(room, since.next)
        // The block that the first of them may stand in begins earlier.
        if let entry = try lastAtOrBefore(tables.stateChanges, from) {
            let block = try StateChangeBlock(key: entry.key, value: entry.value)
            if block.room == room { from = ViewKeys.stateRecord(room, block.first) }
        }
        let to = ViewKeys.stateRecord(room, LogPosition(rawValue: end.rawValue == .max ? .max : end.rawValue + 1))
        try forEach(tables.stateChanges, from: from, to: to, prefix: ViewKeys.room(room)) { key, value in
            for change in try StateChangeBlock(key: key, value: value).changes where change.position > since {
                if change.position > end { return false }
                guard try body(change) else { return false }
            }
            return true
        }
    }

    /// What a record changed of the current state beyond, or instead of, its own event's entry.
    package func stateDelta(
        _ tables: ViewTables, _ room: RoomNum, at position: LogPosition
    ) throws -> [StateDelta.Entry] {
        guard let value = try get(tables.stateDeltas, ViewKeys.stateRecord(room, position)) else { return [] }
        var input = ByteReader(value)
        return try StateDelta.read(&input)
    }

    /// The entries of the current state that records after one and up to another changed.
    package func changedSlots(
        _ tables: ViewTables, _ room: RoomNum, after since: LogPosition, upTo end: LogPosition
    ) throws -> Set<SlotNum> {
        var slots: Set<SlotNum> = []
        try forEachStateChange(tables, room, after: since, upTo: end) { change in
            if change.isOwn, let row = try eventRow(tables, change.position) { slots.insert(row.slot) }
            if change.hasDelta {
                for entry in try stateDelta(tables, room, at: change.position) { slots.insert(entry.slot) }
            }
            return true
        }
        return slots
    }
}
