import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
import ReadModel

extension OldStreamQueries {
    /// `GET /initialSync`: "the full state for this user, with an optional limit on the number of messages per room".
    ///
    /// - Parameter includesLeft: "Whether to include rooms that the user has left."
    package func initialSync(limit: Int, includesLeft: Bool, by asker: Asker) throws -> [UInt8] {
        let version = ephemeral.version
        return try views.snapshot { snapshot in
            let context = try context(snapshot, asker, since: nil, upTo: snapshot.newest)
            let end = token(asker, snapshot.newest, ephemeral: version, after: nil)
            var writer = JSONWriter(capacity: 1 << 16)
            writer.beginObject()
            writer.field("end", end.description)
            writer.key("rooms")
            writer.beginArray()
            var joined: [RoomNum] = []
            try snapshot.forEachMembership(of: context.user) { room, row in
                if try append(room, row, limit: limit, includesLeft: includesLeft, end, context, to: &writer) {
                    joined.append(room)
                }
            }
            writer.endArray()
            writer.key("receipts")
            writer.beginArray()
            for room in joined {
                _ = try EphemeralSection(context: context, namesRooms: true).appendReceipts(
                    room, isFull: true, to: &writer)
            }
            writer.endArray()
            writer.key("presence")
            writer.beginArray()
            try appendPresence(context, of: nil, to: &writer)
            writer.endArray()
            writer.key("account_data")
            writer.beginArray()
            // "The global private data created by this user": push rules that nobody changed are not.
            _ = try AccountDataSection(context: context, tellsPushRules: false).appendEvents(
                room: .none, isFull: true, to: &writer)
            writer.endArray()
            writer.endObject()
            return writer.bytes
        }
    }

    /// One element of `rooms`, when the room is to be told of.
    ///
    /// - Returns: whether the user is joined to the room.
    private func append(
        _ room: RoomNum, _ row: MembershipRow, limit: Int, includesLeft: Bool, _ end: SyncToken,
        _ context: SyncContext, to writer: inout JSONWriter
    ) throws -> Bool {
        let snapshot = context.snapshot
        guard !row.isForgotten, let head = try snapshot.head(of: room) else { return false }
        switch row.membership {
        case .none, .knock: return false
        case .leave, .ban: guard includesLeft else { return false }
        case .invite:
            let sender = try snapshot.event(at: row.position).sender
            if try snapshot.hidesInvite(from: sender, to: context.user, ignoring: context.ignored) { return false }
        case .join: break
        }
        writer.beginObject()
        try appendHead(room, row, context, to: &writer)
        if row.membership == .invite {
            // "The invite event if `membership` is `invite`"
            let event = try snapshot.event(at: row.position)
            var sight = RoomSight(snapshot, room: room, user: context.user, row: row)
            writer.key("inviter")
            writer.string(utf8: try snapshot.text(event.sender))
            writer.key("invite")
            try context.renderer.append(
                event, roomID: snapshot.text(room), membership: .invite, sight: &sight, to: &writer)
        } else if !row.joinedAt.isNone {
            // "If the user has left the room then this will be the state of the room when they left it."
            let isJoined = row.membership == .join
            let upTo = isJoined ? .newest : row.leftAt
            try appendMessages(room, row, upTo: upTo, limit: limit, end, context, to: &writer)
            let holders =
                head.lastStatePosition <= upTo
                ? try snapshot.currentState(of: room) : try snapshot.state(of: room, at: upTo)
            try append(state: holders, room, row, context, to: &writer)
        }
        writer.key("account_data")
        writer.beginArray()
        _ = try AccountDataSection(context: context).appendEvents(room: room, isFull: true, to: &writer)
        writer.endArray()
        writer.endObject()
        return row.membership == .join
    }

    private func appendHead(
        _ room: RoomNum, _ row: MembershipRow?, _ context: SyncContext, to writer: inout JSONWriter
    ) throws {
        let snapshot = context.snapshot
        writer.key("room_id")
        writer.string(utf8: try snapshot.text(room))
        if let row, row.membership != .none { writer.field("membership", row.membership.text) }
        let isPublished = try snapshot.contains(snapshot.tables.directoryPublished, ViewKeys.room(room))
        writer.field("visibility", isPublished ? "public" : "private")
    }

    /// The `messages` of a room: the latest first found, in the order in which they were sent.
    private func appendMessages(
        _ room: RoomNum, _ row: MembershipRow?, upTo: LogPosition, limit: Int, _ end: SyncToken,
        _ context: SyncContext, to writer: inout JSONWriter
    ) throws {
        let snapshot = context.snapshot
        var sight = RoomSight(snapshot, room: room, user: context.user, row: row)
        let newest = min(upTo, snapshot.newest)
        let gap = try snapshot.head(of: room)?.gapPosition ?? .none
        let request = TimelineWindow.Request(after: .none, upTo: newest, limit: limit, gap: gap)
        let window = try TimelineWindow(
            snapshot, request, filter: EventFilter(), ignoring: context.ignored, sight: &sight)
        let start = window.entries.last?.position.before ?? newest
        writer.key("messages")
        writer.beginObject()
        writer.field("start", context.request.asker.token(start.rawValue))
        let isPast = upTo < snapshot.newest
        writer.field("end", isPast ? context.request.asker.token(upTo.rawValue) : end.description)
        writer.key("chunk")
        writer.beginArray()
        for entry in window.ascending {
            try context.renderer.append(
                entry.event, roomID: snapshot.text(room), membership: entry.membership, sight: &sight, to: &writer)
        }
        writer.endArray()
        writer.endObject()
    }

    private func append(
        state holders: [LogPosition], _ room: RoomNum, _ row: MembershipRow?, _ context: SyncContext,
        to writer: inout JSONWriter
    ) throws {
        let snapshot = context.snapshot
        var sight = RoomSight(snapshot, room: room, user: context.user, row: row)
        var renderer = context.renderer
        renderer.relations = nil
        writer.key("state")
        writer.beginArray()
        for holder in holders {
            let event = try snapshot.event(at: holder)
            let membership = try sight.judge(event, at: holder).membership
            try renderer.append(
                event, roomID: snapshot.text(room), membership: membership, sight: &sight, to: &writer)
        }
        writer.endArray()
    }

    // MARK: GET /rooms/{roomId}/initialSync

    /// "Get a copy of the current state and the most recent messages in a room", which the asker need not have joined when
    /// its history is readable by all.
    package func initialSync(of roomID: RoomID, limit: Int, by asker: Asker) throws -> [UInt8] {
        let version = ephemeral.version
        return try views.snapshot { snapshot in
            let access = try RoomAccess(snapshot, roomID, user: asker.identity.userNum)
            let room = access.room
            let context = try context(snapshot, asker, since: nil, upTo: snapshot.newest)
            let end = token(asker, snapshot.newest, ephemeral: version, after: nil)
            var writer = JSONWriter(capacity: 1 << 14)
            writer.beginObject()
            try appendHead(room, access.row, context, to: &writer)
            try appendMessages(room, access.row, upTo: access.upTo, limit: limit, end, context, to: &writer)
            try append(state: try access.state(snapshot), room, access.row, context, to: &writer)
            let isLive = access.upTo == .newest
            writer.key("presence")
            writer.beginArray()
            if isLive { try appendPresence(context, of: room, to: &writer) }
            writer.endArray()
            writer.key("receipts")
            writer.beginArray()
            if isLive {
                _ = try EphemeralSection(context: context, namesRooms: true).appendReceipts(
                    room, isFull: true, to: &writer)
            }
            writer.endArray()
            writer.key("account_data")
            writer.beginArray()
            _ = try AccountDataSection(context: context).appendEvents(room: room, isFull: true, to: &writer)
            writer.endArray()
            writer.endObject()
            return writer.bytes
        }
    }
}
