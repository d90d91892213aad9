import EventLog
import KeyValueStore
import MatrixIdentifiers
import ReadModel

/// How somebody may look into a room.
struct RoomAccess {
    let room: RoomNum
    let head: RoomHead
    let row: MembershipRow?
    /// Nothing after it is shown: where the user left, or the newest record.
    let upTo: LogPosition

    /// Finds the way in.
    ///
    /// "If the user is joined to the room then the state is taken from the current state of the room. If the user has left
    /// the room then the state is taken from the state of the room when they left." Everybody may look into a room whose
    /// history is world-readable.
    init(_ snapshot: Snapshot, _ roomID: RoomID, user: UserNum) throws {
        guard let room = try snapshot.number(of: roomID), let head = try snapshot.head(of: room) else {
            throw QueryRefusal.notInRoom
        }
        self.room = room
        self.head = head
        row = try snapshot.membership(of: user, in: room)
        if row?.membership == .join {
            upTo = .newest
        } else if try RoomSight.isWorldReadable(snapshot, room) {
            upTo = .newest
        } else if let row, !row.joinedAt.isNone, !row.leftAt.isNone, !row.isForgotten {
            upTo = row.leftAt
        } else {
            throw QueryRefusal.notInRoom
        }
    }

    /// The events that hold the state which this access shows.
    func state(_ snapshot: Snapshot) throws -> [LogPosition] {
        head.lastStatePosition <= upTo
            ? try snapshot.currentState(of: room) : try snapshot.state(of: room, at: upTo)
    }
}
