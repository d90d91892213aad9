import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps how far each user has read in each room and thread, and since which record.
package struct ReceiptsProjection: Projection {
    package let name = "receipts"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.receiptsRows, .receiptsChanges]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .receiptRecorded(let fact) = record.fact else { return }
        guard let kind = ReceiptSuffix.Kind(text: fact.receiptType) else {
            throw ReceiptFault(description: "\(fact.receiptType) is no known receipt type")
        }
        let room = try batch.room(fact.roomID, transaction)
        let suffix = ReceiptSuffix(
            user: try batch.user(fact.userID, transaction), kind: kind, threadHash: ViewKeys.threadHash(fact.threadID))
        let key = ViewKeys.receipt(room, suffix)
        let old = try transaction.get(batch.tables.receiptsRows, key) { try ReceiptRow(reading: $0).position }
        if let old { try transaction.delete(batch.tables.receiptsChanges, ViewKeys.receiptChange(room, old)) }
        let row = ReceiptRow(
            position: record.position,
            eventPosition: try batch.position(of: fact.eventID, before: record.position, transaction),
            timestampMs: fact.timestampMs,
            eventID: fact.eventID,
            threadID: fact.threadID
        )
        try transaction.put(batch.tables.receiptsRows, key, row.encoded())
        try transaction.put(
            batch.tables.receiptsChanges, ViewKeys.receiptChange(room, record.position), suffix.encoded())
        batch.touched.rooms.insert(room)
        batch.touched.users.insert(suffix.user)
    }
}

private struct ReceiptFault: Error, CustomStringConvertible {
    let description: String
}
