import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel
import Synchronization

/// The direct chats of users, remembered with the record that said so.
final class DirectChats: Sendable {
    private struct Remembered {
        let position: LogPosition
        let rooms: Set<RoomNum>
    }

    private let remembered = Mutex<[UserNum: Remembered]>([:])
    private static let capacity = 4096

    /// The rooms of `m.direct` and the record that set it.
    func rooms(of user: UserNum, _ snapshot: Snapshot) throws -> (rooms: Set<RoomNum>, changedAt: LogPosition) {
        guard let row = try snapshot.accountData(user, .none, "m.direct") else { return ([], .none) }
        if let known = remembered.withLock({ $0[user] }), known.position == row.position {
            return (known.rooms, row.position)
        }
        var rooms: Set<RoomNum> = []
        for list in try JSONValueReader.object(row.contentJSON)?.values ?? [] {
            for roomID in list.arrayValue ?? [] {
                guard let text = roomID.stringValue, let room = try snapshot.room(snapshot.tables, text) else {
                    continue
                }
                rooms.insert(room)
            }
        }
        remembered.withLock { remembered in
            if remembered.count >= Self.capacity { remembered = [:] }
            remembered[user] = Remembered(position: row.position, rooms: rooms)
        }
        return (rooms, row.position)
    }
}
