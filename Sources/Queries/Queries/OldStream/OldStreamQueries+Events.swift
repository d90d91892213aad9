import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
import ReadModel

extension OldStreamQueries {
    /// What a client asks of `/events`.
    package struct EventsRequest: Sendable {
        package let asker: Asker
        /// Nil begins at the present.
        package var from: SyncToken?
        /// "The room ID for which events should be returned": this API then "can be called by users who have not joined".
        package let room: RoomID?
        package let limit: Int

        package init(asker: Asker, from: SyncToken?, room: RoomID?, limit: Int) {
            self.asker = asker
            self.from = from
            self.room = room
            self.limit = limit
        }
    }

    /// One stretch of a room's timeline that the asker may hear of.
    private struct Stretch {
        let room: RoomNum
        let row: MembershipRow?
        let after: LogPosition
        let upTo: LogPosition
        /// A member event behind the stretch that concerns the asker: an invitation, a ban.
        var own: LogPosition?
        /// Whether typing, receipts and the like are shown.
        var isLive: Bool
    }

    private struct Item {
        let room: RoomNum
        let entry: TimelineWindow.Entry
    }

    /// Looks once for what is new; whether to wait and look again is for the caller.
    ///
    /// - Throws: ``QueryRefusal`` for a token that this log did not give out, or a room that the asker may not look into.
    package func events(_ request: EventsRequest) throws -> SyncAnswer {
        // Read before the snapshot: what changes in between is told twice rather than never.
        let version = ephemeral.version
        return try views.snapshot { snapshot in
            let asker = request.asker
            let from =
                try request.from?.checked(epoch: asker.epoch, head: snapshot.newest.rawValue)
                ?? SyncToken(epoch: asker.epoch, position: snapshot.newest.rawValue, ephemeral: version)
            let peeked = try request.room.map { try openRoom(snapshot, $0, asker) }
            var context = try context(snapshot, asker, since: from, upTo: snapshot.newest)
            let stretches = try peeked.map { [stretch($0, context)] } ?? stretches(context)
            let (items, end) = try items(of: stretches, context, limit: max(1, request.limit))
            let isWhole = end == snapshot.newest
            if !isWhole { context = try self.context(snapshot, asker, since: from, upTo: end) }
            let next = token(asker, end, ephemeral: isWhole ? version : from.ephemeral, after: request.from)
            var writer = JSONWriter(capacity: 512 + items.count * 640)
            writer.beginObject()
            writer.field("start", (request.from ?? next).description)
            writer.field("end", next.description)
            writer.key("chunk")
            writer.beginArray()
            let empty = writer.bytes.count
            try append(items, context, to: &writer)
            if peeked == nil { try appendAccountData(context, to: &writer) }
            for stretch in stretches where stretch.isLive {
                _ = try EphemeralSection(context: context, namesRooms: true).appendReceipts(
                    stretch.room, isFull: false, to: &writer)
            }
            if isWhole { try appendEphemeral(stretches, peeked?.room, context, to: &writer) }
            let hasNews = writer.bytes.count > empty
            writer.endArray()
            writer.endObject()
            return SyncAnswer(
                body: writer.bytes, hasNews: hasNews, nextBatch: next, waitUser: context.user,
                waitRooms: hasNews ? [] : try peeked.map { [$0.room] } ?? joined(context))
        }
    }

    // MARK: Rooms

    private func stretch(_ access: RoomAccess, _ context: SyncContext) -> Stretch {
        Stretch(room: access.room, row: access.row, after: context.since, upTo: context.upTo, isLive: true)
    }

    private func joined(_ context: SyncContext) throws -> [RoomNum] {
        var rooms: [RoomNum] = []
        try context.snapshot.forEachMembership(of: context.user) { room, row in
            if row.membership == .join { rooms.append(room) }
        }
        return rooms
    }

    /// The rooms in which something may have happened.
    private func stretches(_ context: SyncContext) throws -> [Stretch] {
        var stretches: [Stretch] = []
        func visit(_ room: RoomNum, _ row: MembershipRow) {
            if let stretch = stretch(room, row, context) { stretches.append(stretch) }
        }
        let touched = notifier.recent.rooms(
            after: context.since.rawValue, upTo: context.upTo.rawValue, limit: 64, longestWalk: 256)
        if let touched {
            for room in touched.union(ephemeral.roomsChanged(since: context.typingSince)).sorted() {
                if let row = try context.snapshot.membership(of: context.user, in: room) { visit(room, row) }
            }
        } else {
            try context.snapshot.forEachMembership(of: context.user, visit)
        }
        return stretches
    }

    private func stretch(_ room: RoomNum, _ row: MembershipRow, _ context: SyncContext) -> Stretch? {
        switch row.membership {
        case .join:
            // What was said before the user came is for `/messages`.
            let after = row.joinedAt > context.since ? row.joinedAt.before : context.since
            return Stretch(room: room, row: row, after: after, upTo: context.upTo, isLive: true)
        case .invite, .knock, .leave, .ban:
            guard !row.isForgotten, max(row.position, row.leftAt) > context.since else { return nil }
            let own = row.position > max(row.leftAt, context.since) ? row.position : nil
            let after = row.joinedAt > context.since ? row.joinedAt.before : context.since
            return Stretch(room: room, row: row, after: after, upTo: row.leftAt, own: own, isLive: false)
        case .none: return nil
        }
    }

    // MARK: Events

    /// The events in the order of the log, and where they end: before the newest when there are more than `limit`.
    private func items(
        of stretches: [Stretch], _ context: SyncContext, limit: Int
    ) throws -> (items: [Item], end: LogPosition) {
        let snapshot = context.snapshot
        var items: [Item] = []
        var end = context.upTo
        for stretch in stretches {
            let request = TimelineWindow.Request(
                after: stretch.after, upTo: stretch.upTo, backwards: false, limit: limit)
            var sight = RoomSight(snapshot, room: stretch.room, user: context.user, row: stretch.row)
            let window = try TimelineWindow(
                snapshot, request, filter: EventFilter(), ignoring: context.ignored, sight: &sight)
            for entry in window.entries { items.append(Item(room: stretch.room, entry: entry)) }
            if window.hasMore, let last = window.lastScanned { end = min(end, last) }
            if let own = stretch.own {
                let event = try snapshot.event(at: own)
                if event.membership == .invite,
                    try snapshot.hidesInvite(from: event.sender, to: context.user, ignoring: context.ignored)
                {
                    continue
                }
                let entry = TimelineWindow.Entry(position: own, event: event, membership: event.membership)
                items.append(Item(room: stretch.room, entry: entry))
            }
        }
        items.sort { $0.entry.position < $1.entry.position }
        if items.count > limit { end = min(end, items[limit - 1].entry.position) }
        items.removeAll { $0.entry.position > end }
        return (items, end)
    }

    private func append(_ items: [Item], _ context: SyncContext, to writer: inout JSONWriter) throws {
        for item in items {
            var sight = try RoomSight(context.snapshot, room: item.room, user: context.user)
            try context.renderer.append(
                item.entry.event, roomID: context.snapshot.text(item.room), membership: item.entry.membership,
                sight: &sight, to: &writer)
        }
    }

    // MARK: The rest

    private func appendAccountData(_ context: SyncContext, to writer: inout JSONWriter) throws {
        let section = AccountDataSection(context: context, namesRooms: true)
        _ = try section.appendEvents(room: .none, isFull: false, to: &writer)
        for room in context.accountDataChanges.keys.sorted() where !room.isNone {
            _ = try section.appendEvents(room: room, isFull: false, to: &writer)
        }
    }

    private func appendEphemeral(
        _ stretches: [Stretch], _ peeked: RoomNum?, _ context: SyncContext, to writer: inout JSONWriter
    ) throws {
        let section = EphemeralSection(context: context, namesRooms: true)
        for stretch in stretches where stretch.isLive {
            _ = try section.appendTyping(stretch.room, isFull: false, to: &writer)
        }
        try appendPresence(context, of: peeked, to: &writer)
    }
}
