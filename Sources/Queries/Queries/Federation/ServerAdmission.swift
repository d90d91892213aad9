import CanonicalJSON
import EventLog
import MatrixEvents
package import MatrixIdentifiers
package import ReadModel
package import RoomVersions
import Synchronization

/// Whether another server may come near a room at all: its access control list, and who of its users is in it.
package final class ServerAdmission: Sendable {
    private struct KnownACL: Sendable {
        let holder: LogPosition
        let list: ServerACL
    }

    private let views: Views
    package let census: ServerCensus
    /// The lists of rooms that were asked for last, each with the event that it was read from.
    private let lists = Mutex<[RoomNum: KnownACL]>([:])
    private static let mostLists = 1024

    package init(views: Views, census: ServerCensus) {
        self.views = views
        self.census = census
    }

    /// A room of which a server asked something that it may be told of.
    struct Admitted {
        let room: RoomNum
        let head: RoomHead
        let version: RoomVersion
        var sight: ServerSight
    }

    /// - Throws: ``QueryRefusal``: 404 for a room that is not known here, 403 for a server that the room's list denies.
    func admit(_ server: ServerName, to roomID: RoomID, _ snapshot: Snapshot) throws -> Admitted {
        guard let room = try snapshot.number(of: roomID), let head = try snapshot.head(of: room),
            let version = RoomVersion.named(head.roomVersion)
        else { throw QueryRefusal.unknownRoom }
        return try admit(server, to: room, head, version, snapshot)
    }

    func admit(
        _ server: ServerName, to room: RoomNum, _ head: RoomHead, _ version: RoomVersion, _ snapshot: Snapshot
    ) throws -> Admitted {
        // "If the server is denied access to a room, the receiving server MUST reply with a 403 HTTP status code and an
        // `errcode` of `M_FORBIDDEN`."
        guard try isPermitted(server, in: room, snapshot) else { throw QueryRefusal.deniedServer }
        let residents = try census.count(of: room, head, snapshot).servers[server]
        return Admitted(
            room: room, head: head, version: version,
            sight: ServerSight(server, snapshot, room: room, residents: residents))
    }

    /// Lets a server near a room that this server takes part in.
    ///
    /// - Returns: the room's version.
    /// - Throws: ``QueryRefusal`` as ``admit(_:to:_:)`` does, and for a room that nobody here is joined to.
    package func requirePresent(_ server: ServerName, room roomID: RoomID, own: ServerName) throws -> RoomVersion {
        try views.snapshot { snapshot in
            let admitted = try admit(server, to: roomID, snapshot)
            // What is known of a room that everybody here has left is of the past.
            guard try census.isJoined(own, to: admitted.room, snapshot) else { throw QueryRefusal.unknownRoom }
            return admitted.version
        }
    }

    /// Refuses a server that the list of a known room denies; of a room that is not known nothing can be said.
    package func requirePermitted(_ server: ServerName, room roomID: RoomID) throws {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: roomID) else { return }
            guard try isPermitted(server, in: room, snapshot) else { throw QueryRefusal.deniedServer }
        }
    }

    private func isPermitted(_ server: ServerName, in room: RoomNum, _ snapshot: Snapshot) throws -> Bool {
        // "If there is no `m.room.server_acl` event in the room state, allow."
        guard let holder = try snapshot.currentHolder(room, "m.room.server_acl") else { return true }
        let event = try snapshot.event(at: holder)
        // A redaction changes what the event says without changing its place.
        let isRedacted = event.flags.contains(.redacted)
        if !isRedacted, let known = lists.withLock({ $0[room] }), known.holder == holder {
            return known.list.permits(server)
        }
        let list = ServerACL(content: ClientEventSlices(event.clientJSON).parsedContent ?? [:])
        if !isRedacted {
            lists.withLock { lists in
                if lists.count >= Self.mostLists { lists.removeAll() }
                lists[room] = KnownACL(holder: holder, list: list)
            }
        }
        return list.permits(server)
    }
}

extension QueryRefusal {
    static let unknownRoom = notFound("This server is in no such room.")
    static let deniedServer = forbidden("The server is denied access to the room by its access control list.")
    static let serverNotInRoom = forbidden("The server is not in the room.")
    static let unknownEvent = notFound("There is no such event in this room.")
}
