import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel
import Synchronization

/// Which servers have users in which rooms.
///
/// Kept for the rooms that were asked for last, each with the state it was counted from; for a later state only what has
/// changed since is looked at.
package final class ServerCensus: Sendable {
    /// The users of one server that have or had a membership of any kind in a room.
    struct Residents: Sendable {
        var joined = 0
        /// In the order of their numbers.
        var users: [UserNum] = []
    }

    struct Count: Sendable {
        /// The room's newest change of state that is counted.
        var countedAt: LogPosition
        var servers: [ServerName: Residents] = [:]
        var users = 0
    }

    private struct Counts: Sendable {
        var byRoom: [RoomNum: Count] = [:]
        var users = 0
    }

    private let views: Views
    /// How many users are kept of all rooms together.
    private let mostUsers: Int
    private let counts = Mutex(Counts())

    package init(views: Views, mostUsers: Int = 2_000_000) {
        self.views = views
        self.mostUsers = mostUsers
    }

    /// The servers with joined members, those with the most of them first; empty for a room that is not known.
    package func joinedServers(of room: RoomID) throws -> [ServerName] {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room), let head = try snapshot.head(of: room) else { return [] }
            return try count(of: room, head, snapshot).servers.filter { $0.value.joined > 0 }
                .sorted { left, right in
                    left.value.joined != right.value.joined
                        ? left.value.joined > right.value.joined
                        : left.key.rawValue.utf8.lexicographicallyPrecedes(right.key.rawValue.utf8)
                }
                .map(\.key)
        }
    }

    /// Whether a user of the server is joined to the room.
    package func isJoined(_ server: ServerName, to room: RoomID) throws -> Bool {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room) else { return false }
            return try isJoined(server, to: room, snapshot)
        }
    }

    func isJoined(_ server: ServerName, to room: RoomNum, _ snapshot: Snapshot) throws -> Bool {
        guard let head = try snapshot.head(of: room) else { return false }
        return try count(of: room, head, snapshot).servers[server].map { $0.joined > 0 } ?? false
    }

    /// The joined users of a server, in the order of their numbers.
    package func joinedUsers(of server: ServerName, in room: RoomID) throws -> [UserID] {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room), let head = try snapshot.head(of: room),
                let residents = try count(of: room, head, snapshot).servers[server]
            else { return [] }
            return try residents.users.filter { try snapshot.member($0, of: room)?.membership == .join }
                .map { try snapshot.userID($0) }
        }
    }

    // MARK: Counting

    func count(of room: RoomNum, _ head: RoomHead, _ snapshot: Snapshot) throws -> Count {
        let known = counts.withLock { $0.byRoom[room] }
        if let known, known.countedAt == head.lastStatePosition { return known }
        // A reader with an older snapshot counts for itself.
        if let known, known.countedAt > head.lastStatePosition { return try counted(room, head, snapshot) }
        let fresh =
            try known.map { try continued($0, room, head, snapshot) } ?? counted(room, head, snapshot)
        keep(fresh, of: room)
        return fresh
    }

    private func keep(_ count: Count, of room: RoomNum) {
        counts.withLock { counts in
            if let old = counts.byRoom[room] {
                if old.countedAt >= count.countedAt { return }
                counts.users -= old.users
            }
            if counts.users + count.users > mostUsers { counts = Counts() }
            counts.byRoom[room] = count
            counts.users += count.users
        }
    }

    private func counted(_ room: RoomNum, _ head: RoomHead, _ snapshot: Snapshot) throws -> Count {
        var count = Count(countedAt: head.lastStatePosition)
        try snapshot.forEachMember(of: room) { user, row in
            let server = try snapshot.userID(user).serverName
            count.servers[server, default: Residents()].users.append(user)
            if row.membership == .join { count.servers[server, default: Residents()].joined += 1 }
            count.users += 1
            return true
        }
        return count
    }

    /// The same count with the changes of membership since.
    private func continued(
        _ known: Count, _ room: RoomNum, _ head: RoomHead, _ snapshot: Snapshot
    ) throws -> Count {
        var count = known
        count.countedAt = head.lastStatePosition
        let changed = try snapshot.changedSlots(
            snapshot.tables, room, after: known.countedAt, upTo: head.lastStatePosition)
        for slot in changed {
            guard let name = try snapshot.slotName(snapshot.tables, slot), name.type == "m.room.member",
                let userID = UserID(name.stateKey), let user = try snapshot.number(of: userID)
            else { continue }
            let before = try membership(of: slot, room, asOf: known.countedAt, snapshot)
            let after = try membership(of: slot, room, asOf: head.lastStatePosition, snapshot)
            var residents = count.servers[userID.serverName] ?? Residents()
            let place = residents.users.firstPlace(of: user)
            if place == residents.users.count || residents.users[place] != user {
                residents.users.insert(user, at: place)
                count.users += 1
            }
            residents.joined += (after == .join ? 1 : 0) - (before == .join ? 1 : 0)
            count.servers[userID.serverName] = residents
        }
        return count
    }

    private func membership(
        of slot: SlotNum, _ room: RoomNum, asOf position: LogPosition, _ snapshot: Snapshot
    ) throws -> StoredMembership {
        try snapshot.holder(room, slot, asOf: position).map { try snapshot.event(at: $0).membership } ?? .none
    }
}

extension [UserNum] {
    /// Where a number stands, or would stand, in an ordered list.
    fileprivate func firstPlace(of user: UserNum) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < user { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
