import CanonicalJSON
package import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// What the server itself asks about rooms and their events. Nothing here checks who may see it, except ``canSee(_:_:)``.
package struct RoomQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    // MARK: Rooms

    package func number(of room: RoomID) throws -> RoomNum? {
        try views.snapshot { try $0.number(of: room) }
    }

    /// Where the room stands; nil for a room without a create event here.
    package func head(_ room: RoomID) throws -> RoomHead? {
        try views.snapshot { snapshot in try snapshot.number(of: room).flatMap { try snapshot.head(of: $0) } }
    }

    // MARK: State

    /// The event that holds an entry of the current state.
    package func currentState(_ room: RoomID, type: String, stateKey: String) throws -> StoredEvent? {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room),
                let holder = try snapshot.currentHolder(room, type, stateKey)
            else { return nil }
            return try StoredEvent(snapshot, try snapshot.event(at: holder), at: holder)
        }
    }

    /// The event that held an entry of state just after the record at `position`.
    package func stateAt(
        _ room: RoomID, position: LogPosition, type: String, stateKey: String
    ) throws -> StoredEvent? {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room),
                let holder = try snapshot.holder(room, type, stateKey, asOf: position)
            else { return nil }
            return try StoredEvent(snapshot, try snapshot.event(at: holder), at: holder)
        }
    }

    /// All current state, in log order.
    package func fullState(_ room: RoomID) throws -> [StoredEvent] {
        try fullState(room, at: .newest)
    }

    /// All state just after the record at `position`, in log order.
    package func fullState(_ room: RoomID, at position: LogPosition) throws -> [StoredEvent] {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room) else { return [] }
            return try snapshot.state(of: room, at: position).map { holder in
                try StoredEvent(snapshot, try snapshot.event(at: holder), at: holder)
            }
        }
    }

    // MARK: Membership

    package func membership(_ room: RoomID, _ user: UserID) throws -> MembershipRow? {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room), let user = try snapshot.number(of: user) else { return nil }
            return try snapshot.membership(of: user, in: room)
        }
    }

    /// The rooms that the user is joined to.
    package func joinedRooms(_ user: UserID) throws -> [RoomID] {
        try rooms(of: user) { $0.membership == .join }
    }

    /// The rooms in which the user is or was anything that `isWanted` accepts.
    package func rooms(of user: UserID, where isWanted: (MembershipRow) -> Bool) throws -> [RoomID] {
        try views.snapshot { snapshot in
            guard let user = try snapshot.number(of: user) else { return [] }
            var rooms: [RoomID] = []
            try snapshot.forEachMembership(of: user) { room, row in
                if isWanted(row) { rooms.append(try snapshot.roomID(room)) }
            }
            return rooms
        }
    }

    /// The numbers of the rooms that the user is joined to.
    package func joinedRooms(_ user: UserNum) throws -> [RoomNum] {
        try views.snapshot { snapshot in
            var rooms: [RoomNum] = []
            try snapshot.forEachMembership(of: user) { room, row in
                if row.membership == .join { rooms.append(room) }
            }
            return rooms
        }
    }

    /// The rooms that two users are both joined to.
    package func mutualRooms(_ left: UserID, _ right: UserID) throws -> [RoomID] {
        try views.snapshot { snapshot in
            guard let left = try snapshot.number(of: left), let right = try snapshot.number(of: right) else {
                return []
            }
            return try snapshot.sharedRooms(left, right).map { try snapshot.roomID($0) }
        }
    }

    /// Whether two users are joined to a room together.
    package func shareRoom(_ left: UserID, _ right: UserID) throws -> Bool {
        try views.snapshot { snapshot in
            guard let left = try snapshot.number(of: left), let right = try snapshot.number(of: right) else {
                return false
            }
            return try !snapshot.sharedRooms(left, right).isEmpty
        }
    }

    /// The answer of `GET /joined_rooms`.
    package func joinedRoomsBody(_ user: UserID) throws -> [UInt8] {
        let rooms = try joinedRooms(user)
        var writer = JSONWriter(capacity: rooms.count * 48 + 32)
        writer.object { writer in writer.field("joined_rooms", rooms.map(\.rawValue)) }
        return writer.bytes
    }

    /// The joined members' user IDs.
    package func joinedMembers(_ room: RoomID) throws -> [UserID] {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room) else { return [] }
            var users: [UserID] = []
            try snapshot.forEachMember(of: room) { user, row in
                if row.membership == .join { users.append(try snapshot.userID(user)) }
                return true
            }
            return users
        }
    }

    // MARK: Events

    /// All records of an event: one, or the one without its place and the one with it.
    package func eventPositions(_ eventID: EventID) throws -> [LogPosition] {
        try views.snapshot { snapshot in
            guard let last = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else { return [] }
            let first = try snapshot.firstEventPosition(snapshot.tables, eventID.rawValue) ?? last
            return first == last ? [last] : [first, last]
        }
    }

    package func eventPosition(_ eventID: EventID) throws -> LogPosition? {
        try views.snapshot { try $0.eventPosition($0.tables, eventID.rawValue) }
    }

    package func event(_ eventID: EventID) throws -> StoredEvent? {
        try views.snapshot { snapshot in
            guard let position = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else { return nil }
            return try StoredEvent(snapshot, try snapshot.event(at: position), at: position)
        }
    }

    /// The event that a client's transaction made.
    package func transaction(
        user: UserID, deviceID: String, transactionID: String, room: RoomID
    ) throws -> EventID? {
        try views.snapshot { snapshot in
            let hash = ViewKeys.transactionHash(
                user: user.rawValue, deviceID: deviceID, transactionID: transactionID, room: room.rawValue)
            let wanted = EventRow.Transaction(deviceID: deviceID, transactionID: transactionID)
            var found: EventID?
            try snapshot.forEach(snapshot.tables.eventsTransactions, prefix: StoreKey(hash)) { key, _ in
                guard let position: UInt64 = key.number(at: 8) else { return true }
                let row = try snapshot.event(at: LogPosition(rawValue: position))
                guard row.transaction == wanted, try snapshot.userID(row.sender) == user,
                    try snapshot.roomID(row.room) == room
                else { return true }
                found = try EventID(parsing: row.eventID())
                return false
            }
            return found
        }
    }

    /// Whether the room's history visibility lets the user see an event.
    package func canSee(_ user: UserID, _ eventID: EventID) throws -> Bool {
        try views.snapshot { snapshot in
            guard let position = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else { return false }
            let row = try snapshot.event(at: position)
            guard try snapshot.isShown(row, at: position) else { return false }
            var sight = try RoomSight(snapshot, room: row.room, user: try snapshot.number(of: user))
            return try sight.judge(row, at: position).isVisible
        }
    }
}

extension Snapshot {
    /// The rooms that both users are joined to, in the order of their numbers.
    func sharedRooms(_ left: UserNum, _ right: UserNum) throws -> [RoomNum] {
        var rooms: Set<RoomNum> = []
        try forEachMembership(of: left) { room, row in
            if row.membership == .join { rooms.insert(room) }
        }
        var shared: [RoomNum] = []
        if rooms.isEmpty { return shared }
        try forEachMembership(of: right) { room, row in
            if row.membership == .join, rooms.contains(room) { shared.append(room) }
        }
        return shared
    }

    /// The rooms a user has or had to do with, in the order of their numbers.
    func forEachMembership(of user: UserNum, _ body: (RoomNum, MembershipRow) throws -> Void) throws {
        try forEach(tables.membershipsByUser, prefix: ViewKeys.user(user)) { key, value in
            if let room: UInt32 = key.number(at: 4) {
                try body(RoomNum(rawValue: room), try MembershipRow(reading: value))
            }
            return true
        }
    }

    /// The members of a room of any membership, in the order of their numbers, until `body` answers false.
    func forEachMember(of room: RoomNum, _ body: (UserNum, MemberRow) throws -> Bool) throws {
        try forEach(tables.stateMembers, prefix: ViewKeys.room(room)) { key, value in
            guard let user: UInt32 = key.number(at: 4) else { return true }
            return try body(UserNum(rawValue: user), try MemberRow(reading: value))
        }
    }
}
