import CanonicalJSON
import KeyValueStore
import MatrixIdentifiers
import PushRules
import ReadModel

/// Account data, global or of one room.
struct AccountDataSection {
    let context: SyncContext
    /// Whether each event of a room says which, as where events of several rooms stand in one list.
    var namesRooms = false
    /// Whether the push rules are told of, which nobody has to have set.
    var tellsPushRules = true

    /// Appends the events that the client does not have and answers how many.
    ///
    /// - Parameters:
    ///   - room: ``RoomNum/none`` for global account data.
    ///   - isFull: everything, not only what changed.
    func append(room: RoomNum, isFull: Bool, to writer: inout JSONWriter) throws -> Int {
        writer.splice("\"account_data\":{\"events\":[")
        let count = try appendEvents(room: room, isFull: isFull, to: &writer)
        writer.splice("]}")
        return count
    }

    /// The same events without what stands around them in a sync.
    func appendEvents(room: RoomNum, isFull: Bool, to writer: inout JSONWriter) throws -> Int {
        let filter = room.isNone ? context.filter.accountData : context.filter.roomAccountData
        let roomID = try namesRooms && !room.isNone ? context.snapshot.text(room) : nil
        var count = 0
        func append(_ type: String, content: () throws -> UnsafeRawBufferPointer) rethrows {
            guard filter.allows(typeNamed: type), count < filter.limit ?? .max else { return }
            count += 1
            writer.beginObject()
            writer.field("type", type)
            if let roomID {
                writer.key("room_id")
                writer.string(utf8: roomID)
            }
            writer.field("content", raw: try content())
            writer.endObject()
        }
        if isFull {
            let prefix = ViewKeys.accountDataPrefix(context.user, room)
            try context.snapshot.forEach(context.snapshot.tables.accountDataRows, prefix: prefix) { _, value in
                let row = try AccountDataRow(reading: value)
                append(row.type) { row.contentJSON }
                return true
            }
        } else {
            for type in context.accountDataChanges[room] ?? [] {
                if let row = try context.snapshot.accountData(context.user, room, type) {
                    append(type) { row.contentJSON }
                }
            }
        }
        // "When a user changes their push rules a `m.push_rules` event is sent to all clients in the `account_data` section
        // of their next `/sync`": it is made of the rules, which are no account data of their own.
        if room.isNone, tellsPushRules, try isFull || context.pushRulesChanged {
            let rules = try context.snapshot.pushRules(of: context.user)
            let bytes = rules.content(for: context.asker.identity.userID.rawValue).canonicalBytes()
            bytes.withUnsafeBytes { content in append("m.push_rules") { content } }
        }
        return count
    }
}
