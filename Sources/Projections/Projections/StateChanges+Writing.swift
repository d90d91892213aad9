import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

extension StateChanges {
    /// The event that held an event's entry in the state before it; 0 when none did.
    static func replaced(
        by pdu: DecodedPDU, at position: LogPosition, _ room: RoomNum, _ slot: SlotNum,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> LogPosition {
        guard let before = pdu.stateBefore else {
            return try batch.stateHolder(room, slot, before: position, transaction)
        }
        for change in before.delta
        where try batch.slot(type: change.type, stateKey: change.stateKey, transaction) == slot {
            return try change.eventID.map { try batch.firstPosition(of: $0, before: position, transaction) } ?? .none
        }
        guard before.origin != .empty else { return .none }
        let base = try batch.position(of: before.eventID, before: position, transaction)
        guard base != .none else { throw StateFault.unknownEvent(before.eventID) }
        let snapshot =
            before.origin == .after
            ? try transaction.snapshot(batch.tables, room, after: base)
            : try transaction.snapshot(batch.tables, room, before: base)
        return try transaction.holder(batch.tables, snapshot, slot)
    }

    /// Notes that a record changed the current state, for those who ask what changed between two records.
    static func note(
        _ change: StateChangeBlock.Change, in room: RoomNum, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let table = batch.tables.stateChanges
        let newest = ViewKeys.stateRecord(room, LogPosition(rawValue: .max))
        if let entry = try transaction.lastAtOrBefore(table, newest), entry.value.count < StateChangeBlock.fullBytes {
            let block = try StateChangeBlock(key: entry.key, value: entry.value)
            if block.room == room, let last = block.changes.last {
                var value = ByteWriter(capacity: entry.value.count + 10)
                value.writeBytes(entry.value)
                value.writeBytes(StateChangeBlock.encoded(change, after: last.position))
                try transaction.put(table, ViewKeys.stateRecord(room, block.first), value)
                return
            }
        }
        try transaction.putPacked(
            table, ViewKeys.stateRecord(room, change.position),
            StateChangeBlock.encoded(change, after: change.position))
    }
}
