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

    /// "receipts SHOULD be batched into one event per room and thread before delivering them to clients."
    func appendReceipts(_ room: RoomNum, isFull: Bool, to writer: inout JSONWriter) throws -> Int {
        let found = ReceiptEvents(snapshot: context.snapshot, user: context.user)
        let receipts =
            isFull
            ? try found.all(of: room) : try found.changes(in: room, after: context.since, upTo: context.upTo)
        var count = 0
        var rest = receipts[...]
        while let first = rest.first {
            let batch = rest.prefix { $0.suffix.threadHash == first.suffix.threadHash }
            rest = rest.dropFirst(batch.count)
            try found.append(Array(batch), naming: namesRooms ? room : nil, to: &writer)
            count += 1
        }
        return count
    }
}
