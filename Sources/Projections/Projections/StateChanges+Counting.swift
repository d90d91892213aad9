import EventLog
import KeyValueStore
import ProjectionEngine
import ReadModel

extension StateChanges {
    /// How the numbers of joined and invited members change.
    static func memberCounts(
        _ pdu: DecodedPDU, at position: LogPosition, _ room: RoomNum, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws -> (joined: Int64, invited: Int64) {
        var joined: Int64 = 0
        var invited: Int64 = 0
        for change in try members(pdu, at: position, transaction, batch) {
            let slot = try batch.slot(type: "m.room.member", stateKey: change.userID, transaction)
            let holder = try batch.stateHolder(room, slot, before: position, transaction)
            let old = holder == LogPosition.none ? nil : try transaction.eventRow(batch.tables, holder)
            let before = old?.membership ?? .none
            joined += (change.membership == .join ? 1 : 0) - (before == .join ? 1 : 0)
            invited += (change.membership == .invite ? 1 : 0) - (before == .invite ? 1 : 0)
        }
        return (joined, invited)
    }
}
