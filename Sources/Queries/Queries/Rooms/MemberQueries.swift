import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Who is in a room.
package struct MemberQueries: Sendable {
    package let views: Views
    private let cache: RenderedCache?

    package init(views: Views, cache: RenderedCache? = nil) {
        self.views = views
        self.cache = cache
    }

    /// `GET /rooms/{roomId}/members`.
    ///
    /// - Parameters:
    ///   - at: "The point in time (pagination token) to return members for in the room."
    ///   - membership: "When specified alongside `not_membership`, the two parameters create an 'or' condition".
    package func members(
        room: RoomID, at token: String?, membership: String?, notMembership: String?, by asker: Asker
    ) throws -> [UInt8] {
        let wanted = try Self.membership(membership, "membership")
        let unwanted = try Self.membership(notMembership, "not_membership")
        return try views.snapshot { snapshot in
            let access = try RoomAccess(snapshot, room, user: asker.identity.userNum)
            var position = min(access.upTo, snapshot.newest)
            if let token {
                let token = try SyncToken(parsing: token).checked(epoch: asker.epoch, head: snapshot.newest.rawValue)
                position = min(position, LogPosition(rawValue: token.position))
            }
            var sight = RoomSight(snapshot, room: access.room, user: asker.identity.userNum, row: access.row)
            let renderer = EventRenderer(snapshot, asker: asker)
            let roomID = try snapshot.text(access.room)
            var writer = JSONWriter(capacity: 4096)
            writer.splice("{\"chunk\":[")
            var holders: [LogPosition] = []
            if access.head.lastStatePosition <= position {
                try snapshot.forEachMember(of: access.room) { _, row in
                    holders.append(row.position)
                    return true
                }
            } else {
                holders = try snapshot.state(of: access.room, at: position)
            }
            for holder in holders {
                let event = try snapshot.event(at: holder)
                guard event.membership != .none, Self.passes(event.membership, wanted, unwanted) else { continue }
                let own = try sight.judge(event, at: holder).membership
                try renderer.append(event, roomID: roomID, membership: own, sight: &sight, to: &writer)
            }
            writer.splice("]}")
            return writer.bytes
        }
    }

    private static func membership(_ text: String?, _ name: String) throws -> StoredMembership? {
        guard let text else { return nil }
        guard let membership = StoredMembership(text: text) else {
            throw QueryRefusal.invalid("\(name) must be join, invite, knock, leave or ban.")
        }
        return membership
    }

    private static func passes(
        _ membership: StoredMembership, _ wanted: StoredMembership?, _ unwanted: StoredMembership?
    ) -> Bool {
        switch (wanted, unwanted) {
        case (nil, nil): true
        case (let wanted?, nil): membership == wanted
        case (nil, let unwanted?): membership != unwanted
        case (let wanted?, let unwanted?): membership == wanted || membership != unwanted
        }
    }

    /// `GET /rooms/{roomId}/joined_members`: "The current user must be in the room for it to work".
    package func joinedMembers(room: RoomID, by asker: Asker) throws -> [UInt8] {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room),
                try snapshot.membership(of: asker.identity.userNum, in: room)?.membership == .join,
                let head = try snapshot.head(of: room)
            else { throw QueryRefusal.notInRoom }
            let subject = RenderedCache.Subject(.joinedMembers, room)
            let version = head.lastStatePosition.rawValue
            if let bytes = cache?.bytes(for: subject, at: version) { return bytes }
            var writer = JSONWriter(capacity: Int(clamping: head.joinedCount) * 128 + 32)
            writer.splice("{\"joined\":{")
            try snapshot.forEachMember(of: room) { user, row in
                guard row.membership == .join else { return true }
                writer.key(utf8: try snapshot.text(user))
                writer.raw(row.profileJSON)
                return true
            }
            writer.splice("}}")
            cache?.keep(writer.bytes, for: subject, at: version)
            return writer.bytes
        }
    }
}
