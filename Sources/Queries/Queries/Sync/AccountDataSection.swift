import CanonicalJSON
import KeyValueStore
import MatrixIdentifiers
import ReadModel

/// Account data, global or of one room.
struct AccountDataSection {
    let context: SyncContext

    /// Appends the events that the client does not have and answers how many.
    ///
    /// - Parameters:
    ///   - room: ``RoomNum/none`` for global account data.
    ///   - isFull: everything, not only what changed.
    func append(room: RoomNum, isFull: Bool, to writer: inout JSONWriter) throws -> Int {
        let filter = room.isNone ? context.filter.accountData : context.filter.roomAccountData
        var count = 0
        var hasPushRules = false
        writer.splice("\"account_data\":{\"events\":[")
        func append(_ row: AccountDataRow) {
            guard filter.allows(typeNamed: row.type), count < filter.limit ?? .max else { return }
            count += 1
            writer.beginObject()
            writer.field("type", row.type)
            writer.field("content", raw: row.contentJSON)
            writer.endObject()
        }
        if isFull {
            let prefix = ViewKeys.accountDataPrefix(context.user, room)
            try context.snapshot.forEach(context.snapshot.tables.accountDataRows, prefix: prefix) { _, value in
                let row = try AccountDataRow(reading: value)
                if row.type.utf8.elementsEqual("m.push_rules".utf8) { hasPushRules = true }
                append(row)
                return true
            }
            if room.isNone, !hasPushRules, filter.allows(typeNamed: "m.push_rules") {
                count += 1
                writer.beginObject()
                writer.field("type", "m.push_rules")
                writer.field("content", DefaultPushRules.content(for: context.asker.identity.userID.rawValue))
                writer.endObject()
            }
        } else {
            for type in context.accountDataChanges[room] ?? [] {
                if let row = try context.snapshot.accountData(context.user, room, type) { append(row) }
            }
        }
        writer.splice("]}")
        return count
    }
}
