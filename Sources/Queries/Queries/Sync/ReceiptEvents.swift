import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// The receipts of a room, and the event that tells of them.
struct ReceiptEvents {
    let snapshot: Snapshot
    /// Who is told.
    let user: UserNum

    struct Receipt {
        let suffix: ReceiptSuffix
        let row: ReceiptRow
    }

    /// All receipts of a room that the user may see, by thread, then event, then type.
    func all(of room: RoomNum) throws -> [Receipt] {
        var receipts: [Receipt] = []
        try snapshot.forEach(snapshot.tables.receiptsRows, prefix: ViewKeys.room(room)) { key, value in
            try keep(try ReceiptSuffix(key: key), value, in: &receipts)
            return true
        }
        return Self.sorted(receipts)
    }

    /// Those that came after one record and up to another.
    func changes(in room: RoomNum, after since: LogPosition, upTo end: LogPosition) throws -> [Receipt] {
        guard since < end else { return [] }
        var receipts: [Receipt] = []
        let from = ViewKeys.receiptChange(room, since.next)
        let to = ViewKeys.receiptChange(room, end.next)
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
        if suffix.kind == .readPrivate, suffix.user != user { return }
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

    /// Appends one event of receipts in their order; each object of it must stand together.
    ///
    /// - Parameter room: named in the event when given.
    func append(_ receipts: [Receipt], naming room: RoomNum? = nil, to writer: inout JSONWriter) throws {
        writer.beginObject()
        writer.field("type", "m.receipt")
        if let room {
            writer.key("room_id")
            writer.string(utf8: try snapshot.text(room))
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
            writer.key(utf8: try snapshot.text(receipt.suffix.user))
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
