import EventLog
import KeyValueStore
import ReadModel

extension Snapshot {
    /// What is known of a room that nobody here is in, when that is what a user's membership rests on.
    ///
    /// - Parameter position: where the user's membership changed last.
    func outside(_ user: UserNum, _ room: RoomNum, at position: LogPosition) throws -> OutsideRow? {
        let row = try get(tables[.outsideRows], ViewKeys.membership(user, room)).map { try OutsideRow(reading: $0) }
        return row?.position == position ? row : nil
    }
}
