import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel
import RoomVersions

/// Keeps each event as clients see it, found by position, by id and by the transaction that sent it.
package struct EventsProjection: Projection {
    package let name = "events"
    package let version: UInt32 = 4
    package let tables: [ViewTable] = [.eventsRows, .eventsByID, .eventsTransactions]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let pdu: DecodedPDU
        switch record.fact {
        case .pdu(let recorded): pdu = recorded
        case .erasure(let targets):
            for target in targets { try erase(target, transaction, batch) }
            return
        case .outsideMembership(let outside):
            // Shown with its user's membership, and not found by its id: nothing is known of its place.
            let room = try batch.room(outside.fact.roomID, transaction)
            return try insert(outside.pdu, at: record.position, room, isFoundByID: false, transaction, batch)
        default: return
        }
        let room = try batch.numbers(of: pdu, transaction).room
        try insert(pdu, at: record.position, room, transaction, batch)
        if pdu.isInTimeline, !pdu.isBackfilled || StateChanges.changesState(pdu) { batch.touched.rooms.insert(room) }
        if let redacts = pdu.redacts, pdu.verdict == .accepted {
            for target in try batch.records(of: redacts, before: record.position, transaction) {
                try redact(target, in: room, by: record.position, version: pdu.roomVersion, transaction, batch)
            }
        }
    }

    private func insert(
        _ pdu: DecodedPDU, at position: LogPosition, _ room: RoomNum, isFoundByID: Bool = true,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        var fields = EventRow.Fields()
        fields.flags = pdu.flags
        fields.membership = pdu.membership
        fields.room = room
        fields.sender = try batch.numbers(of: pdu, transaction).sender
        fields.depth = pdu.depth
        fields.originServerTS = pdu.originServerTS
        if let stateKey = pdu.stateKey {
            fields.slot = try batch.slot(type: pdu.type, stateKey: stateKey, transaction)
            fields.original = try batch.original(of: pdu, at: position, transaction)
            if pdu.isInTimeline {
                fields.replaced = try StateChanges.replaced(
                    by: pdu, at: position, room, fields.slot, transaction, batch)
            }
        }
        if pdu.verdict == .accepted { fields.transaction = pdu.transaction }
        batch.scratch.removeAll()
        EventRow.write(fields, into: &batch.scratch)
        try put(pdu.clientJSON, at: position, append: true, transaction, batch)
        guard isFoundByID else { return }
        batch.putEventID(hash: pdu.eventIDHash, position)
        if pdu.verdict == .accepted, let hash = pdu.transactionHash { batch.putTransaction(hash: hash, position) }
        // What was redacted while its place was not known stays so.
        guard fields.original != LogPosition.none,
            let redaction = try transaction.eventRow(batch.tables, fields.original)?.redactedBy,
            redaction != LogPosition.none
        else { return }
        try redact(position, in: room, by: redaction, version: pdu.roomVersion, transaction, batch)
    }

    /// Stores a row whose fields are in `batch.scratch`.
    private func put(
        _ clientJSON: [UInt8], at position: LogPosition, append: Bool, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let header = batch.scratch.bytes
        let size = header.count + clientJSON.count
        try transaction.reserve(
            batch.tables.eventsRows, ViewKeys.event(position), size: size, append: append
        ) { row in
            header.withUnsafeBytes { row.copyMemory(from: $0) }
            UnsafeMutableRawBufferPointer(rebasing: row[header.count...]).copyBytes(from: clientJSON)
        }
    }

    /// Strips a row of what the redaction algorithm of its room version does not protect.
    private func redact(
        _ target: LogPosition, in room: RoomNum, by redaction: LogPosition, version: String,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard let row = try transaction.eventRow(batch.tables, target) else { throw BatchFault.missingRow(target) }
        // The first redaction counts, and none reaches into another room.
        guard row.room == room, !row.flags.contains(.redacted) else { return }
        guard let version = RoomVersion.named(version) else { throw BatchFault.unknownRoomVersion(version) }
        var fields = row.fields
        fields.flags.insert(.redacted)
        fields.redactedBy = redaction
        try strip(row, at: target, fields, version: version, transaction, batch)
    }

    /// Leaves of a row what the log still has of its event.
    private func erase(
        _ target: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        // What was erased may be no PDU.
        guard let row = try transaction.eventRow(batch.tables, target) else { return }
        // A room without a head is known from events of other servers only: the newest rules protect the least.
        let version = try batch.head(of: row.room, transaction).flatMap { RoomVersion.named($0.roomVersion) } ?? .v12
        batch.touched.rooms.insert(row.room)
        try strip(row, at: target, row.fields, version: version, transaction, batch)
    }

    private func strip(
        _ row: EventRow, at target: LogPosition, _ fields: EventRow.Fields, version: RoomVersion,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard let json = ClientEventJSON.redacted(row.clientJSON, version: version) else {
            throw BatchFault.damagedRow(target)
        }
        var fields = fields
        // What was written no longer counts, and the same row must come of a log from which it was erased.
        fields.flags.subtract([.mentions, .notifies, .relates])
        batch.scratch.removeAll()
        EventRow.write(fields, into: &batch.scratch)
        try put(json, at: target, append: false, transaction, batch)
    }
}
