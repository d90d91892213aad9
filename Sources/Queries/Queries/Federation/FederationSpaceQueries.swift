import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixEvents
package import MatrixIdentifiers
package import ReadModel

/// `GET /hierarchy/{roomId}` of the server-server API.
package struct FederationSpaceQueries: Sendable {
    private let views: Views
    private let spaces: SpaceQueries
    private let admission: ServerAdmission

    package init(views: Views, admission: ServerAdmission) {
        self.views = views
        self.admission = admission
        spaces = SpaceQueries(views: views)
    }

    /// "Unlike the Client-Server API version, this endpoint does not paginate. Instead, all the space-room's children the
    /// requesting server could feasibly peek/join are returned."
    package func hierarchy(_ roomID: RoomID, suggestedOnly: Bool, for server: ServerName) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let admitted = try admission.admit(server, to: roomID, snapshot)
            // "The room is not known to the server or the requesting server is unable to peek/join it".
            guard try mayKnow(admitted.room, server, snapshot) else { throw QueryRefusal.unknownRoom }
            let children = try spaces.children(of: admitted.room, suggestedOnly: suggestedOnly, snapshot)
            let describer = try RoomDescriber(snapshot)
            var inaccessible: [String] = []
            var seen: Set<RoomNum> = [admitted.room]
            var writer = JSONWriter(capacity: 1024 + children.count * 512)
            writer.beginObject()
            writer.key("children")
            writer.beginArray()
            for child in children {
                // "Rooms which the responding server cannot provide details on will be outright excluded".
                guard let room = try snapshot.room(snapshot.tables, child.roomID), seen.insert(room).inserted,
                    let head = try snapshot.head(of: room)
                else { continue }
                guard try mayKnow(room, server, snapshot) else {
                    inaccessible.append(child.roomID)
                    continue
                }
                writer.beginObject()
                try describer.describe(room, head).appendMembers(to: &writer)
                try describer.details(room, head).appendMembers(to: &writer)
                writer.endObject()
            }
            writer.endArray()
            writer.field("inaccessible_children", inaccessible)
            writer.key("room")
            try spaces.append(admitted.room, admitted.head, children, describer, snapshot, to: &writer)
            writer.endObject()
            return writer.bytes
        }
    }

    /// Whether a user of the server could look into the room or come into it, as far as is known here.
    private func mayKnow(_ room: RoomNum, _ server: ServerName, _ snapshot: Snapshot) throws -> Bool {
        guard let head = try snapshot.head(of: room) else { return false }
        if let residents = try admission.census.count(of: room, head, snapshot).servers[server] {
            if residents.joined > 0 { return true }
            let isInvited = try residents.users.contains {
                try snapshot.member($0, of: room)?.membership == .invite
            }
            if isInvited { return true }
        }
        if try RoomSight.isWorldReadable(snapshot, room) { return true }
        let holder = try snapshot.currentHolder(room, "m.room.join_rules")
        let content = try holder.flatMap { ClientEventSlices(try snapshot.event(at: $0).clientJSON).parsedContent }
        switch content.flatMap({ JoinRule(content: $0) }) {
        case .public, .knock, .knockRestricted: return true
        case .restricted:
            return try RoomDescriber.allowedRooms(content, head).contains { allowed in
                guard let other = try snapshot.number(of: allowed) else { return false }
                return try admission.census.isJoined(server, to: other, snapshot)
            }
        case .invite, .private, nil: return false
        }
    }
}
