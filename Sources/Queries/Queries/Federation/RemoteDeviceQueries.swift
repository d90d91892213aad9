import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// What is known here of the devices of other servers' users.
package struct RemoteDeviceQueries: Sendable {
    package let views: Views
    package let ownServer: ServerName

    package init(views: Views, ownServer: ServerName) {
        self.views = views
        self.ownServer = ownServer
    }

    package enum Standing: Sendable, Hashable {
        /// What is known is all there is.
        case current
        /// It must be asked for, and is kept up to date from then on.
        case worthKeeping
        /// No room is shared, so the other server tells no changes.
        case unrelated
    }

    package func standing(of user: UserID) throws -> Standing {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return .unrelated }
            let row = try snapshot.remoteUser(number)
            var standing = Standing.unrelated
            try snapshot.forEachMembership(of: number) { room, member in
                guard standing != .current, member.membership == .join,
                    let since = try snapshot.roomServer(ownServer, in: room)?.since
                else { return }
                standing = .worthKeeping
                // Changes are told to servers that share a room: none was missed when one room was shared all the time.
                if let row, !row.isOutdated, member.joinedAt <= row.learnedAt, since <= row.learnedAt {
                    standing = .current
                }
            }
            return standing
        }
    }

    /// What is kept of the user's list; nil when nothing is.
    package func row(of user: UserID) throws -> RemoteUserRow? {
        try views.snapshot { snapshot in try snapshot.number(of: user).flatMap { try snapshot.remoteUser($0) } }
    }
}

extension Snapshot {
    func remoteUser(_ user: UserNum) throws -> RemoteUserRow? {
        try get(tables.keysRemoteUsers, ViewKeys.user(user)).map { try RemoteUserRow(reading: $0) }
    }
}
