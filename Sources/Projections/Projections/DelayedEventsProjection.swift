import CanonicalJSON
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps the events that users want sent later, and for a while what became of them.
package struct DelayedEventsProjection: Projection {
    package let name = "delayedEvents"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [
        .delayedRows, .delayedDue, .delayedByUser, .delayedFinished, .delayedTransactions, .delayedByState,
    ]

    /// "The recommended strategy is to retain finalised events for up to 7 days or 1000 events per user".
    private static let longestRetentionMs: Int64 = 7 * 86_400_000
    private static let mostRetained = 1000

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .delayedEvent(let fact) = record.fact else { return }
        switch fact {
        case .scheduled(let fact): try schedule(fact, record, transaction, batch)
        case .restarted(let fact):
            try change(fact.delayID, record, transaction, batch) { $0.scheduledMs = fact.atMs }
        case .finalised(let fact):
            try change(fact.delayID, record, transaction, batch) { row in
                // 0 says that an event is still scheduled.
                row.finalisedMs = max(1, fact.atMs)
                row.eventID = fact.eventID
                row.error = fact.error?.canonicalBytes() ?? []
            }
            try prune(fact.userID, atMs: fact.atMs, transaction, batch)
        }
    }

    private func schedule(
        _ fact: DelayedEventScheduled, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let row = DelayedEventRow(
            user: try batch.user(fact.userID, transaction), version: record.streamVersion, delayID: fact.delayID,
            roomID: fact.roomID, type: fact.type, stateKey: fact.stateKey, delayMs: fact.delayMs,
            scheduledMs: fact.atMs, deviceID: fact.deviceID, transactionID: fact.transactionID,
            content: fact.content.canonicalBytes())
        try put(row, transaction, batch)
        if let key = Self.transactionKey(row, userID: fact.userID) {
            try transaction.put(batch.tables[.delayedTransactions], key, ViewKeys.text(fact.delayID))
        }
    }

    private static func transactionKey(_ row: DelayedEventRow, userID: String) -> StoreKey? {
        guard let deviceID = row.deviceID, let transactionID = row.transactionID else { return nil }
        return ViewKeys.delayedTransaction(
            user: userID, deviceID: deviceID, transactionID: transactionID, room: row.roomID)
    }

    /// Changes the row of an event that is still scheduled.
    private func change(
        _ delayID: String, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        _ body: (inout DelayedEventRow) -> Void
    ) throws {
        let key = ViewKeys.delayedEvent(delayID)
        let found = try transaction.get(batch.tables[.delayedRows], key) { try DelayedEventRow(reading: $0) }
        guard var row = found, row.isScheduled else { return }
        try removeFromIndexes(row, transaction, batch)
        body(&row)
        row.version = record.streamVersion
        try put(row, transaction, batch)
    }

    private func put(
        _ row: DelayedEventRow, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let (tables, id) = (batch.tables, row.delayID)
        let name = ViewKeys.text(id)
        try transaction.put(tables[.delayedRows], ViewKeys.delayedEvent(id), row.encoded())
        guard row.isScheduled else {
            return try transaction.put(
                tables[.delayedFinished], ViewKeys.delayedFinished(row.user, row.finalisedMs, id), name)
        }
        try transaction.put(tables[.delayedDue], ViewKeys.delayedDue(row.dueMs, id), name)
        try transaction.put(tables[.delayedByUser], ViewKeys.delayedByUser(row.user, row.dueMs, id), name)
        if let stateKey = row.stateKey {
            try transaction.put(
                tables[.delayedByState], ViewKeys.delayedState(row.roomID, row.type, stateKey, id), name)
        }
    }

    private func removeFromIndexes(
        _ row: DelayedEventRow, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let (tables, id) = (batch.tables, row.delayID)
        try transaction.delete(tables[.delayedDue], ViewKeys.delayedDue(row.dueMs, id))
        try transaction.delete(tables[.delayedByUser], ViewKeys.delayedByUser(row.user, row.dueMs, id))
        if let stateKey = row.stateKey {
            try transaction.delete(
                tables[.delayedByState], ViewKeys.delayedState(row.roomID, row.type, stateKey, id))
        }
    }

    /// Forgets what became of events long ago.
    private func prune(
        _ userID: String, atMs: Int64, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(userID, transaction)
        var rows: [DelayedEventRow] = []
        var count = 0
        try transaction.forEach(batch.tables[.delayedFinished], prefix: ViewKeys.user(user)) { _, _ in
            count += 1
            return true
        }
        let surplus = count - Self.mostRetained
        var seen = 0
        try transaction.forEach(batch.tables[.delayedFinished], prefix: ViewKeys.user(user)) { _, name in
            let key = StoreKey().appending(Array(name))
            guard let row = try transaction.get(batch.tables[.delayedRows], key, { try DelayedEventRow(reading: $0) })
            else { return true }
            seen += 1
            guard seen <= surplus || row.finalisedMs < atMs &- Self.longestRetentionMs else { return false }
            rows.append(row)
            return true
        }
        for row in rows {
            try transaction.delete(batch.tables[.delayedRows], ViewKeys.delayedEvent(row.delayID))
            try transaction.delete(
                batch.tables[.delayedFinished], ViewKeys.delayedFinished(user, row.finalisedMs, row.delayID))
            if let key = Self.transactionKey(row, userID: userID) {
                try transaction.delete(batch.tables[.delayedTransactions], key)
            }
        }
    }
}
