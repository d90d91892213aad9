import CanonicalJSON
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps what is known of rooms that nobody here is in: for each user the newest invitation, knock or end of one, with the
/// stripped state that came with it. Whether it still counts, the user's membership says: it has the same position.
package struct OutsideProjection: Projection {
    package let name = "outside"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.outsideRows]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .outsideMembership(let outside) = record.fact else { return }
        let fact = outside.fact
        let user = try batch.user(fact.userID, transaction)
        let room = try batch.room(fact.roomID, transaction)
        let row = OutsideRow(
            position: record.position, roomVersion: fact.roomVersion, eventID: fact.eventID, origin: fact.origin,
            eventJSON: fact.event.canonicalBytes(), roomStateJSON: fact.roomState.map { $0.canonicalBytes() })
        try transaction.put(batch.tables[.outsideRows], ViewKeys.membership(user, room), row.encoded())
    }
}
