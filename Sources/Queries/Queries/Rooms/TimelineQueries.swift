import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// A room's events, one by one or in pages.
package struct TimelineQueries: Sendable {
    package let views: Views
    /// The most events of one page.
    private static let largestPage = 1000

    package init(views: Views) {
        self.views = views
    }

    // MARK: GET /rooms/{roomId}/messages

    /// A page of events: "If it is set to `f`, events will be returned in chronological order starting at `from`. If it is
    /// set to `b`, … in *reverse* chronological order, again starting at `from`."
    package func messages(
        room: RoomID,
        from: String?,
        to: String?,
        backwards: Bool,
        limit: Int,
        filter: EventFilter,
        by asker: Asker
    ) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let access = try RoomAccess(snapshot, room, user: asker.identity.userNum)
            let stretch = try TimelineStretch(
                snapshot, room: access.room, upTo: min(access.upTo, snapshot.newest),
                from: from.map { try token($0, snapshot, asker) }, to: to.map { try token($0, snapshot, asker) },
                backwards: backwards)
            let limit = min(limit, filter.limit ?? .max, Self.largestPage)
            var sight = RoomSight(snapshot, room: access.room, user: asker.identity.userNum, row: access.row)
            let ignored = try SyncContext.ignored(snapshot, by: asker.identity.userNum)
            let window = try stretch.window(limit: limit, filter: filter, ignoring: ignored, sight: &sight)
            var writer = JSONWriter(capacity: 1024 + window.entries.count * 640)
            writer.beginObject()
            writer.field("start", from ?? stretch.start(epoch: asker.epoch).description)
            // "If no further events are available … this property is omitted from the response."
            // Forwards that is never certain: behind the newest event the next one will be.
            let mayGoOn = !backwards && to == nil && !window.entries.isEmpty
            // Backwards the end may be one of what is known here.
            let hasHole = try backwards && !stretch.missing(from: window, limit: 1).isEmpty
            if window.hasMore || mayGoOn || hasHole, let end = stretch.end(of: window, epoch: asker.epoch) {
                writer.field("end", end.description)
            }
            writer.key("chunk")
            try append(window.entries, room: room, asker, sight: &sight, to: &writer)
            if filter.lazyLoadMembers, let latest = window.entries.map(\.position).max() {
                writer.key("state")
                let members = try snapshot.members(
                    Set(window.entries.map(\.event.sender)), of: access.room, asOf: latest)
                try append(state: members, room: room, asker, sight: &sight, to: &writer)
            }
            writer.endObject()
            return writer.bytes
        }
    }

    private func token(_ token: String, _ snapshot: Snapshot, _ asker: Asker) throws -> SyncToken {
        try SyncToken(parsing: token).checked(epoch: asker.epoch, head: snapshot.newest.rawValue)
    }

    /// The events that are not known here and that a page backwards would come to: whoever can should ask others for them
    /// before the page is made.
    ///
    /// - Returns: at most `limit` events, with one that follows each.
    package func missing(
        room: RoomID, from: String?, to: String?, pageLimit: Int, limit: Int, by asker: Asker
    ) throws -> [(missing: EventID, follower: EventID)] {
        try views.snapshot { snapshot in
            let access = try RoomAccess(snapshot, room, user: asker.identity.userNum)
            let stretch = try TimelineStretch(
                snapshot, room: access.room, upTo: min(access.upTo, snapshot.newest),
                from: from.map { try token($0, snapshot, asker) }, to: to.map { try token($0, snapshot, asker) },
                backwards: true)
            var sight = RoomSight(snapshot, room: access.room, user: asker.identity.userNum, row: access.row)
            let window = try stretch.window(
                limit: min(pageLimit, Self.largestPage), filter: EventFilter(), ignoring: [], sight: &sight)
            return try stretch.missing(from: window, limit: limit)
        }
    }

    // MARK: GET /rooms/{roomId}/event/{eventId}

    /// One event: "The event was not found or you do not have permission to read this event" are one answer.
    ///
    /// - Parameter room: nil for an event of any room, as the old `/events/{eventId}` asks for it.
    package func event(room: RoomID?, event eventID: EventID, by asker: Asker) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let (event, position) = try visible(eventID, in: room, snapshot, asker)
            var sight = try RoomSight(snapshot, room: event.room, user: asker.identity.userNum)
            let membership = try sight.judge(event, at: position).membership
            var writer = JSONWriter(capacity: event.clientJSON.count + 512)
            try EventRenderer(bundling: snapshot, asker: asker).append(
                event, roomID: snapshot.text(event.room), membership: membership, sight: &sight, to: &writer)
            return writer.bytes
        }
    }

    /// - Parameter roomID: nil for an event of any room.
    private func visible(
        _ eventID: EventID, in roomID: RoomID?, _ snapshot: Snapshot, _ asker: Asker
    ) throws -> (EventRow, LogPosition) {
        let refusal = QueryRefusal.notFound("The event was not found, or you may not see it.")
        guard let position = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else { throw refusal }
        let event = try snapshot.event(at: position)
        if let roomID { guard try snapshot.number(of: roomID) == event.room else { throw refusal } }
        guard try snapshot.isShown(event, at: position) else { throw refusal }
        var sight = try RoomSight(snapshot, room: event.room, user: asker.identity.userNum)
        guard try sight.judge(event, at: position).isVisible else { throw refusal }
        return (event, position)
    }

    // MARK: GET /rooms/{roomId}/timestamp_to_event

    /// The event closest to a time: "`f` for forwards, `b` for backwards".
    package func event(
        closestTo timestampMs: Int64, backwards: Bool, in room: RoomID, by asker: Asker
    ) throws -> (eventID: String, timestampMs: Int64) {
        try views.snapshot { snapshot in
            let user = asker.identity.userNum
            let access = try RoomAccess(snapshot, room, user: user)
            var sight = RoomSight(snapshot, room: access.room, user: user, row: access.row)
            let best = try snapshot.timelineEvent(
                closestTo: timestampMs, backwards: backwards, in: access.room, upTo: min(access.upTo, snapshot.newest)
            ) { try sight.judge($0, at: $1).isVisible }
            guard let best else {
                throw QueryRefusal.notFound(
                    "Unable to find event from \(timestampMs) in \(backwards ? "backward" : "forward") direction")
            }
            let slices = ClientEventSlices(try snapshot.event(at: best.position).clientJSON)
            return (ClientEventSlices.text(slices.eventID), best.timestampMs)
        }
    }

    // MARK: GET /rooms/{roomId}/context/{eventId}

    /// The events around an event: "The limit applies to the sum of the `events_before` and `events_after` arrays."
    package func context(
        room: RoomID, event eventID: EventID, limit: Int, filter: EventFilter, by asker: Asker
    ) throws -> [UInt8] {
        try views.snapshot { snapshot in
            // Whoever may not look into the room at all is told so, as by /messages.
            _ = try RoomAccess(snapshot, room, user: asker.identity.userNum)
            let (event, position) = try visible(eventID, in: room, snapshot, asker)
            let limit = max(0, min(limit, filter.limit ?? .max, Self.largestPage))
            var sight = try RoomSight(snapshot, room: event.room, user: asker.identity.userNum)
            let membership = try sight.judge(event, at: position).membership
            let ignored = try SyncContext.ignored(snapshot, by: asker.identity.userNum)
            let around = try TimelineStretch.around(event, at: position, snapshot)
            let before = try around.before.window(
                limit: limit / 2, filter: filter, ignoring: ignored, sight: &sight)
            let after = try around.after.window(
                limit: limit - limit / 2, filter: filter, ignoring: ignored, sight: &sight)
            var writer = JSONWriter(capacity: 4096 + limit * 640)
            writer.beginObject()
            let start = around.before.end(of: before, epoch: asker.epoch) ?? around.before.start(epoch: asker.epoch)
            let end = around.after.end(of: after, epoch: asker.epoch) ?? around.after.start(epoch: asker.epoch)
            writer.field("start", start.description)
            writer.field("end", end.description)
            writer.key("events_before")
            try append(before.entries, room: room, asker, sight: &sight, to: &writer)
            writer.key("event")
            try EventRenderer(bundling: snapshot, asker: asker).append(
                event, roomID: snapshot.text(event.room), membership: membership, sight: &sight, to: &writer)
            writer.key("events_after")
            try append(after.entries, room: room, asker, sight: &sight, to: &writer)
            // "The state of the room at the last event returned."
            let senders = (before.entries + after.entries).map(\.event.sender) + [event.sender]
            let latest = after.entries.last?.position ?? position
            let state = try contextState(snapshot, event.room, at: latest, senders: Set(senders), filter: filter)
            writer.key("state")
            try append(state: state, room: room, asker, sight: &sight, to: &writer)
            writer.endObject()
            return writer.bytes
        }
    }

    private func contextState(
        _ snapshot: Snapshot, _ room: RoomNum, at position: LogPosition, senders: Set<UserNum>, filter: EventFilter
    ) throws -> [LogPosition] {
        let wanted = filter.lazyLoadMembers ? Set(try snapshot.members(senders, of: room, asOf: position)) : nil
        let event = try snapshot.event(at: position)
        let state =
            try snapshot.isBackfilled(event, at: position)
            ? snapshot.entries(snapshot.tables, snapshot.snapshot(snapshot.tables, room, after: position)).values
                .sorted()
            : snapshot.state(of: room, at: position)
        return try state.filter { holder in
            let event = try snapshot.event(at: holder)
            if let wanted, event.membership != .none { return wanted.contains(holder) }
            return filter.allowsEveryEvent || filter.allows(ClientEventSlices(event.clientJSON))
        }
    }

    // MARK: Rendering

    private func append(
        _ entries: [TimelineWindow.Entry], room: RoomID, _ asker: Asker, sight: inout RoomSight,
        to writer: inout JSONWriter
    ) throws {
        let renderer = try EventRenderer(bundling: sight.snapshot, asker: asker)
        let roomID = try sight.snapshot.text(sight.room)
        writer.beginArray()
        for entry in entries {
            try renderer.append(
                entry.event, roomID: roomID, membership: entry.membership, sight: &sight, to: &writer)
        }
        writer.endArray()
    }

    private func append(
        state holders: [LogPosition], room: RoomID, _ asker: Asker, sight: inout RoomSight, to writer: inout JSONWriter
    ) throws {
        try StateQueries.append(holders, asker: asker, sight: &sight, to: &writer)
    }
}

extension Snapshot {
    /// The member events of some users as they stood just after `position`.
    func members(
        _ users: some Sequence<UserNum>, of room: RoomNum, asOf position: LogPosition
    ) throws -> [LogPosition] {
        var holders: [LogPosition] = []
        for user in users {
            guard let row = try member(user, of: room) else { continue }
            // The event in force may be older than the resolution of a fork that put it in force.
            if let holder = try holder(room, try event(at: row.position).slot, asOf: position) {
                holders.append(holder)
            }
        }
        return holders.sorted()
    }
}
