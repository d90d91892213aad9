package import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Which other servers are told of what happens here.
package struct DestinationQueries: Sendable {
    package let views: Views
    package let ownServer: ServerName

    package init(views: Views, ownServer: ServerName) {
        self.views = views
        self.ownServer = ownServer
    }

    /// The servers of a room at some time.
    package struct RoomServers: Sendable {
        /// Whether this server was among them.
        package let includesOwn: Bool
        package let others: [ServerName]
        /// The answer holds from this record on, until the servers change again; nil when it is of the past only.
        package let validFrom: LogPosition?
    }

    /// The servers with joined members just after the record at `position`.
    package func servers(in room: RoomID, at position: LogPosition) throws -> RoomServers {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: room) else {
                return RoomServers(includesOwn: false, others: [], validFrom: nil)
            }
            return try snapshot.servers(of: number, at: position, own: ownServer)
        }
    }

    /// The same of the room of a number, now.
    package func servers(in room: RoomNum) throws -> (room: RoomID, servers: [ServerName])? {
        try views.snapshot { snapshot in
            let found = try snapshot.servers(of: room, at: snapshot.newest, own: ownServer)
            return found.includesOwn ? (try snapshot.roomID(room), found.others) : nil
        }
    }

    /// Where the servers of a room changed last; 0 when they never did.
    package func lastChange(of room: RoomID) throws -> LogPosition {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: room),
                let value = try snapshot.get(snapshot.tables.serversInRooms, ViewKeys.room(number)),
                let position: UInt64 = value.number(at: 0)
            else { return .none }
            return LogPosition(rawValue: position)
        }
    }

    /// Whether both a server and this one had joined members just after the record at `position`.
    package func areBoth(_ server: ServerName, in room: RoomID, at position: LogPosition) throws -> Bool {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: room) else { return false }
            return try snapshot.roomServer(ownServer, in: number)?.isIn(at: position) == true
                && snapshot.roomServer(server, in: number)?.isIn(at: position) == true
        }
    }

    /// The other servers that share a room with a user now.
    package func servers(sharingWith user: UserID) throws -> Set<ServerName> {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return [] }
            var found: Set<ServerName> = []
            try snapshot.forEachMembership(of: number) { room, row in
                guard row.membership == .join else { return }
                found.formUnion(try snapshot.servers(of: room, at: snapshot.newest, own: ownServer).others)
            }
            return found
        }
    }

    /// Whether a server shares a room with a user now.
    package func shares(_ server: ServerName, with user: UserID) throws -> Bool {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return false }
            var found = false
            try snapshot.forEachMembership(of: number) { room, row in
                guard !found, row.membership == .join else { return }
                found = try snapshot.roomServer(server, in: room)?.joined ?? 0 > 0
            }
            return found
        }
    }

    package func userID(_ user: UserNum) throws -> UserID { try views.snapshot { try $0.userID(user) } }

    /// The rooms where a server and this one have members now.
    package func sharedRooms(with server: ServerName) throws -> [RoomID] {
        try views.snapshot { snapshot in
            var rooms: [RoomID] = []
            let prefix = ViewKeys.roomsOfServer(Array(server.rawValue.utf8))
            try snapshot.forEach(snapshot.tables.serversRooms, prefix: prefix) { key, _ in
                guard let number: UInt32 = key.number(at: key.count - 4) else { return true }
                let room = RoomNum(rawValue: number)
                if try snapshot.roomServer(ownServer, in: room)?.joined ?? 0 > 0 {
                    rooms.append(try snapshot.roomID(room))
                }
                return true
            }
            return rooms
        }
    }
}

extension Snapshot {
    func roomServer(_ server: ServerName, in room: RoomNum) throws -> RoomServerRow? {
        let key = ViewKeys.serverInRoom(room, Array(server.rawValue.utf8))
        return try get(tables.serversInRooms, key).map { try RoomServerRow(reading: $0) }
    }

    func servers(
        of room: RoomNum, at position: LogPosition, own: ServerName
    ) throws -> DestinationQueries.RoomServers {
        var includesOwn = false
        var others: [ServerName] = []
        var last = LogPosition.none
        try forEach(tables.serversInRooms, prefix: ViewKeys.room(room)) { key, value in
            if key.count == 4 {
                last = LogPosition(rawValue: value.number(at: 0) ?? 0)
                return true
            }
            guard try RoomServerRow(reading: value).isIn(at: position) else { return true }
            let name = UnsafeRawBufferPointer(rebasing: key.dropFirst(4))
            if name.elementsEqual(own.rawValue.utf8) {
                includesOwn = true
            } else if let server = ServerName(String(decoding: name, as: UTF8.self)) {
                others.append(server)
            }
            return true
        }
        return DestinationQueries.RoomServers(
            includesOwn: includesOwn, others: others, validFrom: last <= position ? last : nil)
    }
}
