import EventLog
package import KeyValueStore
package import ProjectionEngine
package import ReadModel

/// Keeps each room's events in stream order, and its head: extremities, depth and counts.
package struct TimelineProjection: Projection {
    package let name = "timeline"
    package let version: UInt32 = 4
    package let tables: [ViewTable] = [.timelineOrder, .timelinePast, .timelineGaps, .roomsHeads]

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
        let closed = try closedGaps(by: pdu, in: room, at: record.position, transaction, batch)
        guard pdu.isInTimeline else {
            try batch.updateHead(of: room, creating: false, transaction) { head in
                if record.stream.kind == .room { head.streamVersion = record.streamVersion }
                head.gapCount -= min(head.gapCount, closed)
            }
            return
        }
        if let redacts = pdu.redacts {
            try quieten(redacts, in: room, before: record.position, transaction, batch)
        }
        let before = try batch.head(of: room, transaction)
        let opened = try TimelineGaps(room: room, position: record.position, batch: batch).open(
            by: pdu, after: before, transaction)
        try place(pdu, at: record.position, room, sender, after: before, transaction, batch)
        try advanceHead(record, pdu, room, gaps: (opened, closed), transaction, batch)
    }

    private func closedGaps(
        by pdu: DecodedPDU, in room: RoomNum, at position: LogPosition, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws -> UInt64 {
        guard !pdu.isOutlier, let head = try batch.head(of: room, transaction), head.gapCount > 0 else { return 0 }
        return try TimelineGaps(room: room, position: position, batch: batch).close(by: pdu, transaction)
    }

    /// Puts the event into the order in which clients are told of events, and, unless it is the deepest so far, into that of
    /// the graph: see decision 0012.
    private func place(
        _ pdu: DecodedPDU, at position: LogPosition, _ room: RoomNum, _ sender: UserNum, after head: RoomHead?,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        if !pdu.isBackfilled { batch.putTimeline(room, position, pdu.flags, sender) }
        guard pdu.isBackfilled || pdu.depth <= head?.maxDepth ?? -1 else { return }
        let entry = PastEntry(
            room: room, depth: pdu.depth, position: position, flags: pdu.flags, sender: sender,
            isBackfilled: pdu.isBackfilled)
        try transaction.put(batch.tables.timelinePast, entry.key, entry.encoded())
    }

    private func advanceHead(
        _ record: DecodedRecord, _ pdu: DecodedPDU, _ room: RoomNum, gaps: (opened: UInt64, closed: UInt64),
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let counts = try StateChanges.memberCounts(pdu, at: record.position, room, transaction, batch)
        let changesState = StateChanges.changesState(pdu)
        let isBump = RoomBump.isBump(pdu.type)
        let create = try createEvent(in: pdu, at: record.position, transaction, batch)
        try batch.updateHead(of: room, creating: true, transaction) { head in
            if !pdu.isBackfilled {
                head.lastTimelinePosition = record.position
                head.maxDepth = max(head.maxDepth, pdu.depth)
                if isBump { head.bumpPosition = record.position }
                if pdu.adopts || gaps.opened > 0 { head.gapPosition = record.position }
            } else {
                head.backfilledCount &+= 1
            }
            head.gapCount = head.gapCount - min(head.gapCount, gaps.closed) &+ gaps.opened
            head.eventCount &+= 1
            // A redaction may change what an entry says: answers rendered from the state must not outlive it.
            if changesState || pdu.redacts != nil { head.lastStatePosition = record.position }
            if let create, head.createPosition == LogPosition.none {
                head.createPosition = create.position
                head.roomVersion = pdu.roomVersion
                head.roomType = create.roomType
            }
            if head.roomVersion.isEmpty { head.roomVersion = pdu.roomVersion }
            if record.stream.kind == .room { head.streamVersion = record.streamVersion }
            advance(&head.forwardExtremities, pdu)
            head.joinedCount = UInt64(clamping: Int64(clamping: head.joinedCount) &+ counts.joined)
            head.invitedCount = UInt64(clamping: Int64(clamping: head.invitedCount) &+ counts.invited)
        }
    }

    /// The room's create event, when the record brings it: as its own event, or with the state of an adopted room.
    private func createEvent(
        in pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> (position: LogPosition, roomType: String?)? {
        if pdu.stateKey == "", pdu.type.hasSameBytes(as: "m.room.create") {
            let original = try batch.original(of: pdu, at: position, transaction)
            return (original == LogPosition.none ? position : original, RoomBump.roomType(ofCreate: pdu.clientJSON))
        }
        guard pdu.adopts else { return nil }
        for entry in try StateChanges.entries(pdu, at: position, transaction, batch)
        where entry.stateKey.isEmpty && entry.type.hasSameBytes(as: "m.room.create") {
            guard let row = try transaction.eventRow(batch.tables, entry.holder) else { return nil }
            return (entry.holder, RoomBump.roomType(ofCreate: Array(row.clientJSON)))
        }
        return nil
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
        if pdu.adopts {
            extremities = [pdu.eventID]
            return
        }
        let others = extremities.filter { held in !pdu.prevEvents.contains { $0.hasSameBytes(as: held) } }
        // What came late is followed by what is known. A room is never left without an end to go on from.
        if pdu.isBackfilled, others.isEmpty { return }
        extremities = pdu.isBackfilled ? others : others + [pdu.eventID]
    }

    /// Keeps the version that the next append to the room must expect.
    private func noteStream(
        of record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard let room = try transaction.room(batch.tables, record.stream.name) else { return }
        try batch.updateHead(of: room, creating: false, transaction) { $0.streamVersion = record.streamVersion }
    }
}
