import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixIdentifiers
import ReadModel

/// Typing and receipts of one room.
struct EphemeralSection {
    let context: SyncContext
    /// Whether each event says which room it is of, as where events of several rooms stand in one list.
    var namesRooms = false

    /// Appends the events that the client does not have and answers how many.
    ///
    /// - Parameter isFull: everything, not only what changed.
    func append(room: RoomNum, isFull: Bool, to writer: inout JSONWriter) throws -> Int {
        let filter = context.filter.ephemeral
        var count = 0
        writer.splice("\"ephemeral\":{\"events\":[")
        if try filter.allows(room: context.snapshot.text(room)) {
            if filter.allows(typeNamed: "m.typing") { count += try appendTyping(room, isFull: isFull, to: &writer) }
            if filter.allows(typeNamed: "m.receipt") { count += try appendReceipts(room, isFull: isFull, to: &writer) }
        }
        writer.splice("]}")
        return count
    }

    func appendTyping(_ room: RoomNum, isFull: Bool, to writer: inout JSONWriter) throws -> Int {
        guard let users = context.typing.typing(in: room, since: isFull ? 0 : context.typingSince) else { return 0 }
        // One who has just come need not hear that nobody is typing.
        if isFull, users.isEmpty { return 0 }
        let roomID = try namesRooms ? context.snapshot.text(room) : nil
        writer.object { writer in
            writer.field("type", "m.typing")
            if let roomID {
                writer.key("room_id")
                writer.string(utf8: roomID)
            }
            writer.key("content")
            writer.object { $0.field("user_ids", users.map(\.rawValue)) }
        }
        return 1
    }

    // MARK: Receipts

    private struct Receipt {
        let suffix: ReceiptSuffix
        let row: ReceiptRow
    }

    /// "receipts SHOULD be batched into one event per room and thread before delivering them to clients."
    func appendReceipts(_ room: RoomNum, isFull: Bool, to writer: inout JSONWriter) throws -> Int {
        let receipts = isFull ? try allReceipts(room) : try newReceipts(room)
        var count = 0
        var rest = receipts[...]
        while let first = rest.first {
            let batch = rest.prefix { $0.suffix.threadHash == first.suffix.threadHash }
            rest = rest.dropFirst(batch.count)
            try append(Array(batch), of: room, to: &writer)
            count += 1
        }
        return count
    }

    private func allReceipts(_ room: RoomNum) throws -> [Receipt] {
        var receipts: [Receipt] = []
        let snapshot = context.snapshot
        try snapshot.forEach(snapshot.tables.receiptsRows, prefix: ViewKeys.room(room)) { key, value in
            try keep(try ReceiptSuffix(key: key), value, in: &receipts)
            return true
        }
        return Self.sorted(receipts)
    }

    private func newReceipts(_ room: RoomNum) throws -> [Receipt] {
        guard context.since < context.upTo else { return [] }
        var receipts: [Receipt] = []
        let snapshot = context.snapshot
        let from = ViewKeys.receiptChange(room, context.since.next)
        let to = ViewKeys.receiptChange(room, context.upTo.next)
        try snapshot.forEach(snapshot.tables.receiptsChanges, from: from, to: to) { _, value in
            let suffix = try ReceiptSuffix(reading: value)
            if let row = try snapshot.get(snapshot.tables.receiptsRows, ViewKeys.receipt(room, suffix)) {
                try keep(suffix, row, in: &receipts)
            }
            return true
        }
        return Self.sorted(receipts)
    }

    private func keep(_ suffix: ReceiptSuffix, _ value: UnsafeRawBufferPointer, in receipts: inout [Receipt]) throws {
        // "Servers MUST NOT send the `m.read.private` receipt to any other user than the one which originally sent it."
        if suffix.kind == .readPrivate, suffix.user != context.user { return }
        receipts.append(Receipt(suffix: suffix, row: try ReceiptRow(reading: value)))
    }

    /// By thread, then event, then type, so that each becomes one object.
    private static func sorted(_ receipts: [Receipt]) -> [Receipt] {
        if receipts.count < 2 { return receipts }
        return receipts.sorted { left, right in
            if left.suffix.threadHash != right.suffix.threadHash {
                return left.suffix.threadHash < right.suffix.threadHash
            }
            if !left.row.eventID.utf8.elementsEqual(right.row.eventID.utf8) {
                return left.row.eventID.utf8.lexicographicallyPrecedes(right.row.eventID.utf8)
            }
            if left.suffix.kind != right.suffix.kind { return left.suffix.kind.rawValue < right.suffix.kind.rawValue }
            return left.suffix.user < right.suffix.user
        }
    }

    private func append(_ receipts: [Receipt], of room: RoomNum, to writer: inout JSONWriter) throws {
        writer.beginObject()
        writer.field("type", "m.receipt")
        if namesRooms {
            writer.key("room_id")
            writer.string(utf8: try context.snapshot.text(room))
        }
        writer.key("content")
        writer.beginObject()
        var last: Receipt?
        for receipt in receipts {
            let isSameEvent = last.map { $0.row.eventID.utf8.elementsEqual(receipt.row.eventID.utf8) } ?? false
            let isSameType = isSameEvent && last?.suffix.kind == receipt.suffix.kind
            if last != nil, !isSameType { writer.endObject() }
            if last != nil, !isSameEvent { writer.endObject() }
            if !isSameEvent {
                writer.key(receipt.row.eventID)
                writer.beginObject()
            }
            if !isSameType {
                writer.key(receipt.suffix.kind.text)
                writer.beginObject()
            }
            writer.key(utf8: try context.snapshot.text(receipt.suffix.user))
            writer.beginObject()
            writer.field("ts", receipt.row.timestampMs)
            writer.field("thread_id", ifPresent: receipt.row.threadID)
            writer.endObject()
            last = receipt
        }
        if last != nil { writer.splice("}}") }
        writer.splice("}}")
    }
}
