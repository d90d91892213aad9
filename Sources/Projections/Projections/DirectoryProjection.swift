import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps local aliases and which rooms the public directory lists.
package struct DirectoryProjection: Projection {
    package let name = "directory"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.directoryAliases, .directoryByRoom, .directoryPublished]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .aliasCreated(let fact):
            try remove(fact.alias, transaction, batch)
            let room = try batch.room(fact.roomID, transaction)
            try transaction.put(
                batch.tables.directoryAliases, ViewKeys.text(fact.alias),
                AliasRow(room: room, creator: fact.creator).encoded())
            try transaction.put(batch.tables.directoryByRoom, ViewKeys.aliasOfRoom(room, fact.alias), StoreKey())
            batch.touched.rooms.insert(room)
        case .aliasRemoved(let fact):
            try remove(fact.alias, transaction, batch)
        case .directoryVisibilitySet(let fact):
            let room = try batch.room(fact.roomID, transaction)
            if fact.isPublic {
                try transaction.put(
                    batch.tables.directoryPublished, ViewKeys.room(room), StoreKey(record.position.rawValue))
            } else {
                try transaction.delete(batch.tables.directoryPublished, ViewKeys.room(room))
            }
            batch.touched.rooms.insert(room)
        default: return
        }
    }

    private func remove(
        _ alias: String, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let key = ViewKeys.text(alias)
        let old = try transaction.get(batch.tables.directoryAliases, key) { try AliasRow(reading: $0) }
        guard let old else { return }
        try transaction.delete(batch.tables.directoryAliases, key)
        try transaction.delete(batch.tables.directoryByRoom, ViewKeys.aliasOfRoom(old.room, alias))
        batch.touched.rooms.insert(old.room)
    }
}
