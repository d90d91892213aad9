package import KeyValueStore
package import ProjectionEngine
package import ReadModel

/// Notes in which record whose membership of a room was said anew, so that who began or ceased to share a room with
/// somebody after any position is found without reading the room's timeline.
package struct SharingProjection: Projection {
    package let name = "sharing"
    package let version: UInt32 = 1
    package let tables: [ViewTable] = [.sharingChanges]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .pdu(let pdu) = record.fact else { return }
        let members = try StateChanges.members(pdu, at: record.position, transaction, batch)
        if members.isEmpty { return }
        let room = try batch.numbers(of: pdu, transaction).room
        for member in members {
            let user = try batch.user(member.userID, transaction)
            try transaction.put(
                batch.tables.sharingChanges, ViewKeys.sharingChange(room, record.position, user), StoreKey())
        }
    }
}
