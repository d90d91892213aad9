import EventLog
package import KeyValueStore

/// What the state of all rooms at every event takes up, beside the bytes that it says.
package struct StateStorage: Sendable {
    /// The tables that answer the state before and after any event, with all their pages.
    package static let tables: [ViewTable] = [.stateHistory, .stateChanges, .stateDeltas, .stateBefore]

    package private(set) var usage: [(table: ViewTable, usage: TableUsage)] = []
    /// Accepted state events.
    package private(set) var stateEvents = 0
    /// The bytes of their ids, types and state keys.
    package private(set) var describedBytes = 0

    package var bytes: Int { usage.reduce(0) { $0 + $1.usage.bytes } }
    /// How many times the bytes that it says the room state takes up; 0 without state.
    package var ratio: Double { describedBytes == 0 ? 0 : Double(bytes) / Double(describedBytes) }

    /// Measures one snapshot of the views: walks all events.
    package init(measuring views: Views, isWanted: () -> Bool = { true }) throws {
        try views.read { transaction, tables in
            for table in Self.tables { usage.append((table, try transaction.usage(tables[table]))) }
            try transaction.forEach(tables.eventsRows) { _, value in
                let row = try EventRow(reading: value)
                let isAccepted = row.flags.isDisjoint(with: [.rejected, .softFailed, .outlier])
                guard row.isState, isAccepted else { return isWanted() }
                guard let slot = try transaction.nameSlice(tables, .slot, row.slot.rawValue) else { return true }
                stateEvents += 1
                // A slot's name is type and state key with one byte between them.
                describedBytes += row.eventIDSlice.count + slot.count - 1
                return true
            }
        }
    }
}
