import EventLog
package import KeyValueStore
package import ProjectionEngine
package import ReadModel

/// Keeps how many joined members each room had at every time: push rules ask for it as of the event that they judge. It also
/// notes when something was erased last, by which counts of unread events are void.
package struct MemberCountsProjection: Projection {
    package let name = "memberCounts"
    package let version: UInt32 = 1
    package let tables: [ViewTable] = [.membersCounts]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        if case .erasure = record.fact {
            var row = ByteWriter(capacity: 8)
            row.writeVarint(record.position.rawValue)
            try transaction.put(batch.tables.membersCounts, ViewKeys.lastErasure, row)
        }
        guard case .pdu(let pdu) = record.fact, pdu.isMember || !pdu.stateDelta.isEmpty else { return }
        let room = try batch.numbers(of: pdu, transaction).room
        let change = try StateChanges.memberCounts(pdu, at: record.position, room, transaction, batch).joined
        guard change != 0 else { return }
        let last = try transaction.last(batch.tables.membersCounts, prefix: ViewKeys.room(room))
        var input = ByteReader(last?.value ?? UnsafeRawBufferPointer(start: nil, count: 0))
        let before = last == nil ? 0 : Int64(clamping: try input.readVarint())
        var row = ByteWriter(capacity: 4)
        row.writeVarint(UInt64(clamping: before &+ change))
        try transaction.put(batch.tables.membersCounts, ViewKeys.memberCount(room, record.position), row)
    }
}
