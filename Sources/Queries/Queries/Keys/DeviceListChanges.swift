import EventLog
import KeyValueStore
import ReadModel

/// Whose devices a user must look at again since a position, and whose no more.
///
/// It is derived from positions of the log alone, so no change is ever missed; that somebody is named without need
/// happens, for example when they left a room and came back.
struct DeviceListChanges {
    private(set) var changed: Set<UserNum> = []
    private(set) var left: Set<UserNum> = []

    private let snapshot: Snapshot
    private let user: UserNum
    private let since: LogPosition
    private var joined: Set<RoomNum>?
    private var sharing: [UserNum: Bool] = [:]

    /// - Parameter touched: the rooms in which anything happened since, perhaps more; nil when that is not known.
    init(_ snapshot: Snapshot, of user: UserNum, after since: LogPosition, touched: Set<RoomNum>? = nil) throws {
        self.snapshot = snapshot
        self.user = user
        self.since = since
        guard since < snapshot.newest else { return }
        var rooms: [(room: RoomNum, row: MembershipRow)] = []
        if let touched {
            for room in touched.sorted() {
                if let row = try snapshot.membership(of: user, in: room) { rooms.append((room, row)) }
            }
        } else {
            try snapshot.forEachMembership(of: user) { rooms.append(($0, $1)) }
        }
        try addChangedLists()
        for entry in rooms where entry.row.membership == .join || entry.row.leftAt > since {
            try addMembers(of: entry.room, entry.row)
        }
        left = try left.filter { try $0 != user && !shares($0) }
        left.subtract(changed)
    }

    /// Users whose keys or devices changed, among those who share a room with this one.
    private mutating func addChangedLists() throws {
        var candidates: [UserNum] = []
        try snapshot.forEach(snapshot.tables.keysListChanges, from: StoreKey(since.next.rawValue)) { key, _ in
            if let number: UInt32 = key.number(at: 8) { candidates.append(UserNum(rawValue: number)) }
            return true
        }
        for candidate in candidates where try candidate == user || shares(candidate) { changed.insert(candidate) }
        try snapshot.forEach(
            snapshot.tables.keysViewerChanges, from: ViewKeys.viewerChange(user, since.next, .none),
            prefix: ViewKeys.user(user)
        ) { key, _ in
            if let number: UInt32 = key.number(at: 12) { changed.insert(UserNum(rawValue: number)) }
            return true
        }
    }

    /// "or who now share an encrypted room with the client", and "with whom we do not share any encrypted rooms anymore".
    private mutating func addMembers(of room: RoomNum, _ own: MembershipRow) throws {
        if own.membership != .join || own.joinedAt > since {
            try snapshot.forEach(snapshot.tables.stateMembers, prefix: ViewKeys.room(room)) { key, value in
                guard try MemberRow(reading: value).membership == .join, let number: UInt32 = key.number(at: 4) else {
                    return true
                }
                note(UserNum(rawValue: number), isShared: own.membership == .join)
                return true
            }
        }
        var others: Set<UserNum> = []
        try snapshot.forEach(
            snapshot.tables.sharingChanges, from: ViewKeys.sharingChange(room, since.next, .none),
            prefix: ViewKeys.room(room)
        ) { key, _ in
            if let number: UInt32 = key.number(at: 12) { others.insert(UserNum(rawValue: number)) }
            return true
        }
        for other in others {
            guard let row = try snapshot.membership(of: other, in: room) else { continue }
            if row.membership == .join {
                // Another name or picture is no other membership.
                if row.joinedAt > since { note(other, isShared: own.membership == .join) }
            } else if row.leftAt > since {
                left.insert(other)
            }
        }
    }

    private mutating func note(_ other: UserNum, isShared: Bool) {
        if other == user { return }
        if isShared { changed.insert(other) } else { left.insert(other) }
    }

    /// The rooms that the user is in now; looked up when somebody asks.
    private mutating func joinedRooms() throws -> Set<RoomNum> {
        if let joined { return joined }
        var found: Set<RoomNum> = []
        try snapshot.forEachMembership(of: user) { room, row in
            if row.membership == .join { found.insert(room) }
        }
        joined = found
        return found
    }

    /// Whether both are in some room now.
    private mutating func shares(_ other: UserNum) throws -> Bool {
        if let known = sharing[other] { return known }
        var found = false
        let joined = try joinedRooms()
        if !joined.isEmpty {
            try snapshot.forEach(snapshot.tables.membershipsByUser, prefix: ViewKeys.user(other)) { key, value in
                guard let number: UInt32 = key.number(at: 4), joined.contains(RoomNum(rawValue: number)),
                    try MembershipRow(reading: value).membership == .join
                else { return true }
                found = true
                return false
            }
        }
        sharing[other] = found
        return found
    }
}
