import EventLog
import KeyValueStore
import ReadModel

/// How far a user has read a room.
struct ReadMarks: Hashable, Sendable {
    /// "the receipt which is more recent/ahead must be used to determine where the user has read up to."
    private(set) var unthreaded: LogPosition
    /// By thread root, or `main`.
    private(set) var threads: [String: LogPosition] = [:]

    init(_ snapshot: Snapshot, room: RoomNum, user: UserNum, joinedAt: LogPosition) throws {
        unthreaded = joinedAt
        let prefix = ViewKeys.member(room, user)
        try snapshot.forEach(snapshot.tables.receiptsRows, prefix: prefix) { _, value in
            let row = try ReceiptRow(reading: value)
            if let thread = row.threadID {
                threads[thread] = max(threads[thread] ?? .none, row.eventPosition)
            } else {
                unthreaded = max(unthreaded, row.eventPosition)
            }
            return true
        }
    }

    /// Whether an event of a thread is read by receipts.
    func isRead(_ position: LogPosition, thread: String) -> Bool {
        position <= unthreaded || position <= threads[thread] ?? .none
    }
}
