import EventLog
package import KeyValueStore
package import ProjectionEngine
package import ReadModel

/// Keeps each room's events in stream order, and its head: extremities, depth and counts.
package struct TimelineProjection: Projection {
    package let name = "timeline"
    package let version: UInt32 = 3
    package let tables: [ViewTable] = [.timelineOrder, .roomsHeads]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .pdu(let pdu) = record.fact else {
            if case .erasure(let targets) = record.fact {
                for target in targets { try noteErasure(of: target, by: record.position, transaction, batch) }
            }
            if record.stream.kind == .room { try noteStream(of: record, transaction, batch) }
            return
        }
        let (room, sender) = try batch.numbers(of: pdu, transaction)
        guard pdu.isInTimeline else {
            if record.stream.kind == .room {
                try batch.updateHead(of: room, creating: false, transaction) { $0.streamVersion = record.streamVersion }
            }
            return
        }
        if let redacts = pdu.redacts {
            try quieten(redacts, in: room, before: record.position, transaction, batch)
        }
        batch.putTimeline(room, record.position, pdu.flags, sender)
        let counts = try StateChanges.memberCounts(pdu, at: record.position, room, transaction, batch)
        let changesState = StateChanges.changesState(pdu)
        let isBump = RoomBump.isBump(pdu.type)
        let isCreate = pdu.stateKey == "" && pdu.type.hasSameBytes(as: "m.room.create")
        try batch.updateHead(of: room, creating: true, transaction) { head in
            head.lastTimelinePosition = record.position
            if isBump { head.bumpPosition = record.position }
            head.eventCount &+= 1
            head.maxDepth = max(head.maxDepth, pdu.depth)
            // A redaction may change what an entry says: answers rendered from the state must not outlive it.
            if changesState || pdu.redacts != nil { head.lastStatePosition = record.position }
            if isCreate, head.createPosition == LogPosition.none {
                head.createPosition = record.position
                head.roomVersion = pdu.roomVersion
                head.roomType = RoomBump.roomType(ofCreate: pdu)
            }
            if head.roomVersion.isEmpty { head.roomVersion = pdu.roomVersion }
            if record.stream.kind == .room { head.streamVersion = record.streamVersion }
            advance(&head.forwardExtremities, pdu)
            head.joinedCount = UInt64(clamping: Int64(clamping: head.joinedCount) &+ counts.joined)
            head.invitedCount = UInt64(clamping: Int64(clamping: head.invitedCount) &+ counts.invited)
        }
    }

    /// A redacted event counts as unread no more; see the events' rows.
    private func quieten(
        _ eventID: String, in room: RoomNum, before position: LogPosition, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let target = try batch.position(of: eventID, before: position, transaction)
        guard target != LogPosition.none else { return }
        try quieten(target, in: room, transaction, batch)
    }

    private func noteErasure(
        of target: LogPosition, by position: LogPosition, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        guard let row = try transaction.eventRow(batch.tables, target) else { return }
        try quieten(target, in: row.room, transaction, batch)
        guard row.isState else { return }
        try batch.updateHead(of: row.room, creating: false, transaction) { $0.lastStatePosition = position }
    }

    private func quieten(
        _ target: LogPosition, in room: RoomNum, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        try batch.flushTimeline(transaction)
        let key = ViewKeys.timeline(room, target)
        let entry = try key.withStoreBytes { key in
            try transaction.get(batch.tables.timelineOrder, key) { try TimelineEntry(key: key, value: $0) }
        }
        guard var entry else { return }
        entry.flags.subtract([.mentions, .notifies, .relates])
        try transaction.put(batch.tables.timelineOrder, key, entry.encoded())
    }

    /// "the forward extremities of a room are the most recent events [that] are not referenced by other events"
    private func advance(_ extremities: inout [String], _ pdu: DecodedPDU) {
        extremities.removeAll { held in pdu.prevEvents.contains { $0.hasSameBytes(as: held) } }
        extremities.append(pdu.eventID)
    }

    /// Keeps the version that the next append to the room must expect.
    private func noteStream(
        of record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard let room = try transaction.room(batch.tables, record.stream.name) else { return }
        try batch.updateHead(of: room, creating: false, transaction) { $0.streamVersion = record.streamVersion }
    }
}
