import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps the state of each room before and after every event: since when which event has held each entry of the current
/// state, and for events of forks how the state before them differs. Keeps the present members too.
package struct RoomStateProjection: Projection {
    package let name = "roomState"
    package let version: UInt32 = 3
    package let tables: [ViewTable] = [.stateHistory, .stateMembers, .stateChanges, .stateDeltas, .stateBefore]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .pdu(let pdu) = record.fact else {
            if case .erasure(let targets) = record.fact {
                for target in targets { try emptyProfile(at: target, in: nil, transaction, batch) }
            }
            return
        }
        if let before = pdu.stateBefore {
            let room = try batch.numbers(of: pdu, transaction).room
            try StateBeforeChain(room: room, position: record.position, batch: batch).write(before, transaction)
        }
        if StateChanges.changesState(pdu) {
            try applyState(pdu, at: record.position, transaction, batch)
        }
        if let redacts = pdu.redacts, pdu.verdict == .accepted {
            try applyRedaction(of: redacts, by: pdu, at: record.position, transaction, batch)
        }
    }

    private func applyState(
        _ pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let room = try batch.numbers(of: pdu, transaction).room
        let setsOwn = pdu.setsOwnEntry && pdu.stateKey != nil
        var delta: [StateDelta.Entry] = []
        for (index, entry) in try StateChanges.entries(pdu, at: position, transaction, batch).enumerated() {
            let slot = try batch.slot(type: entry.type, stateKey: entry.stateKey, transaction)
            try transaction.putPacked(
                batch.tables.stateHistory,
                ViewKeys.stateHistory(room, slot, position),
                StateHistoryRow.encoded(holder: entry.holder, since: position)
            )
            // The event's own entry comes first and needs no further note.
            if index > 0 || !setsOwn { delta.append((slot: slot, holder: entry.holder)) }
        }
        if !delta.isEmpty {
            var row = ByteWriter(capacity: delta.count * 8)
            StateDelta.write(delta, into: &row)
            try transaction.putPacked(batch.tables.stateDeltas, ViewKeys.stateRecord(room, position), row)
        }
        try StateChanges.note(
            StateChangeBlock.Change(position: position, isOwn: setsOwn, hasDelta: !delta.isEmpty), in: room,
            transaction, batch)
        for member in try StateChanges.members(pdu, at: position, transaction, batch) {
            let key = ViewKeys.member(room, try batch.user(member.userID, transaction))
            if member.position == LogPosition.none {
                try transaction.delete(batch.tables.stateMembers, key)
            } else {
                try transaction.put(
                    batch.tables.stateMembers, key,
                    MemberRow.encoded(
                        membership: member.membership, position: member.position, profileJSON: member.profileJSON))
            }
        }
    }

    /// A redacted member event loses its name and avatar: `m.room.member` "allows keys `membership`, …" only.
    private func applyRedaction(
        of eventID: String, by pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let target = try batch.position(of: eventID, before: position, transaction)
        guard target != LogPosition.none else { return }
        try emptyProfile(at: target, in: try batch.numbers(of: pdu, transaction).room, transaction, batch)
    }

    /// - Parameter room: where the event must be; nil for anywhere.
    private func emptyProfile(
        at target: LogPosition, in wanted: RoomNum?, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard let row = try transaction.eventRow(batch.tables, target), row.membership != .none else { return }
        let holder = row.holder(at: target)
        let room = row.room
        guard room == wanted ?? room, let slot = try transaction.slotName(batch.tables, row.slot) else { return }
        let key = ViewKeys.member(room, try batch.user(slot.stateKey, transaction))
        guard let value = try transaction.get(batch.tables.stateMembers, key) else { return }
        let member = try MemberRow(reading: value)
        guard member.position == holder else { return }
        let emptied = MemberRow.encoded(
            membership: member.membership, position: holder, profileJSON: Array("{}".utf8))
        try transaction.put(batch.tables.stateMembers, key, emptied)
    }
}
