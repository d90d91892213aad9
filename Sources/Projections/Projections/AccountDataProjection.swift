import CanonicalJSON
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps users' account data, with the record that changed each entry last, and their filters.
package struct AccountDataProjection: Projection {
    package let name = "accountData"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.accountDataRows, .accountDataChanges, .filtersRows]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .accountDataSet(let fact):
            let user = try batch.user(fact.userID, transaction)
            let room = try fact.roomID.map { try batch.room($0, transaction) } ?? .none
            let key = ViewKeys.accountData(user, room, fact.type)
            let old = try transaction.get(batch.tables.accountDataRows, key) {
                try AccountDataRow(reading: $0).position
            }
            if let old {
                try transaction.delete(batch.tables.accountDataChanges, ViewKeys.accountDataChange(user, old))
            }
            try transaction.put(
                batch.tables.accountDataRows, key,
                AccountDataRow.encoded(
                    position: record.position, type: fact.type, contentJSON: fact.content.canonicalBytes()))
            try transaction.put(
                batch.tables.accountDataChanges,
                ViewKeys.accountDataChange(user, record.position),
                AccountDataChangeRow.encoded(room: room, type: fact.type)
            )
            batch.touched.users.insert(user)
        case .filterCreated(let fact):
            let user = try batch.user(fact.userID, transaction)
            try transaction.put(
                batch.tables.filtersRows, ViewKeys.filter(user, fact.filterID), fact.definition.canonicalBytes())
        default: return
        }
    }
}
