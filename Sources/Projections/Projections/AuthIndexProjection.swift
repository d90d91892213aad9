import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps the auth graph of each room: what each state event cites, and what cites it (decision 0006).
package struct AuthIndexProjection: Projection {
    package let name = "authIndex"
    package let version: UInt32 = 2
    package let tables: [ViewTable] = [.authRows, .authCitations]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .pdu(let pdu) = record.fact, let stateKey = pdu.stateKey else { return }
        let room = try batch.numbers(of: pdu, transaction).room
        var row = AuthRow()
        row.isPowerEvent = Self.isPowerEvent(pdu, stateKey: stateKey)
        row.isRejected = pdu.verdict == .rejected
        row.slot = try batch.slot(type: pdu.type, stateKey: stateKey, transaction)
        row.originServerTS = pdu.originServerTS
        row.original = try batch.original(of: pdu, at: record.position, transaction)
        for eventID in pdu.authEvents {
            let position = try batch.firstPosition(of: eventID, before: record.position, transaction)
            // A rejected event may name what is no state event of the room, or nothing that is known.
            guard position != .none, !row.authEvents.contains(position),
                try transaction.contains(batch.tables.authRows, ViewKeys.stateRecord(room, position))
            else { continue }
            row.authEvents.append(position)
            if row.original == .none { try cite(position, by: record.position, room, transaction, batch) }
        }
        try transaction.putPacked(
            batch.tables.authRows, ViewKeys.stateRecord(room, record.position), row.encoded(at: record.position))
        if row.original != .none {
            try judgeAnew(row.original, isRejected: row.isRejected, room, transaction, batch)
        }
    }

    /// The first record's row is the one that counts; whether the event is rejected, its place decides.
    private func judgeAnew(
        _ original: LogPosition, isRejected: Bool, _ room: RoomNum, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        guard var row = try transaction.authRow(batch.tables, room, original), row.isRejected != isRejected else {
            return
        }
        row.isRejected = isRejected
        try transaction.put(
            batch.tables.authRows, ViewKeys.stateRecord(room, original), row.encoded(at: original))
    }

    private static func isPowerEvent(_ pdu: DecodedPDU, stateKey: String) -> Bool {
        if pdu.type.hasSameBytes(as: "m.room.power_levels") || pdu.type.hasSameBytes(as: "m.room.join_rules") {
            return true
        }
        // "or a state event with type `m.room.member` where the `membership` is `leave` or `ban` and the `sender` does not
        // match the `state_key`."
        return (pdu.membership == .leave || pdu.membership == .ban) && !pdu.sender.hasSameBytes(as: stateKey)
    }

    private func cite(
        _ cited: LogPosition, by citing: LogPosition, _ room: RoomNum, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let table = batch.tables.authCitations
        let prefix = ViewKeys.stateRecord(room, cited)
        if let entry = try transaction.lastAtOrBefore(table, prefix.appending(UInt64.max)),
            entry.value.count < AuthCitationBlock.fullBytes
        {
            let block = try AuthCitationBlock(key: entry.key, value: entry.value)
            if block.room == room, block.cited == cited, let last = block.citing.last {
                var value = ByteWriter(capacity: entry.value.count + 10)
                value.writeBytes(entry.value)
                value.writeVarint(citing.rawValue - last.rawValue)
                try transaction.put(table, prefix.appending(block.first.rawValue), value)
                return
            }
        }
        try transaction.put(table, prefix.appending(citing.rawValue), StoreKey())
    }
}
