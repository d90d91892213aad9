import EventLog
import KeyValueStore
import ReadModel

/// A room of the sequence that lists are windows on.
struct ListedRoom {
    let room: RoomNum
    let row: MembershipRow
    /// Nil for a room that the server has heard of, but not been in.
    let activity: RoomActivity?

    /// "Rooms are ordered by last activity, based on when the last event in the room was received by the server"; for those
    /// whom nothing later may reach, by when they went, were invited or knocked.
    var recency: LogPosition {
        guard row.membership == .join else { return max(row.position, row.leftAt) }
        return activity?.lastTimelinePosition ?? row.position
    }

    /// "An integer that can be used to sort rooms based on the last "proper" activity in the room."
    var bumpStamp: Int64 {
        guard row.membership == .join, let activity else { return Int64(clamping: recency.rawValue) }
        return Int64(clamping: max(activity.bumpPosition, activity.createPosition).rawValue)
    }
}

extension SlidingContext {
    /// "the set of rooms that the user either joined, been invited, knocked on, left, or been kicked or banned from, sorted by
    /// recent activity": of each room no more is read than two short rows.
    func listedRooms() throws -> [ListedRoom] {
        var rooms: [ListedRoom] = []
        try snapshot.forEachMembership(of: user) { room, row in
            guard try isListed(room, row) else { return }
            rooms.append(ListedRoom(room: room, row: row, activity: try activity(of: room)))
        }
        rooms.sort { $0.recency != $1.recency ? $0.recency > $1.recency : $0.room < $1.room }
        return rooms
    }

    private func activity(of room: RoomNum) throws -> RoomActivity? {
        try snapshot.get(snapshot.tables.roomsHeads, ViewKeys.room(room)).map { try RoomActivity(reading: $0) }
    }

    private func isListed(_ room: RoomNum, _ row: MembershipRow) throws -> Bool {
        if row.isForgotten { return false }
        switch row.membership {
        case .none: return false
        case .join, .knock: return true
        case .invite: return try !isHidden(row)
        case .leave, .ban:
            // "Rooms that the user has been in but left are only included if the room was previously sent to the client in
            // that connection."
            if state.rooms[room] != nil { return true }
            // "rooms the user has been banned from, but never joined, should not be part of the list."
            if row.joinedAt.isNone { return false }
            // "Rooms the user has been kicked or banned from will always be included".
            if row.membership == .ban { return true }
            return try snapshot.eventRow(snapshot.tables, row.position).map { $0.sender != user } ?? false
        }
    }

    private func isHidden(_ row: MembershipRow) throws -> Bool {
        guard let event = try snapshot.eventRow(snapshot.tables, row.position) else { return false }
        return try snapshot.hidesInvite(from: event.sender, to: user, ignoring: ignored)
    }

    /// A room that the client asks for by its ID; nil when the user has nothing to do with it: "Rooms that a user subscribes
    /// to that they do not have permission to see, or that does not exist, should be ignored by the server."
    func subscribedRoom(_ roomID: String) throws -> ListedRoom? {
        guard let room = try snapshot.room(snapshot.tables, roomID),
            let row = try snapshot.membership(of: user, in: room)
        else { return nil }
        // "the user must either be in the room, be invited/knocked to the room, or have historically been in the room."
        let wasIn = !row.isForgotten && !row.joinedAt.isNone && !row.leftAt.isNone
        guard try wasIn || isListed(room, row) else { return nil }
        return ListedRoom(room: room, row: row, activity: try activity(of: room))
    }
}
