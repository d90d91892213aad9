import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// One room under `rooms.join`.
struct JoinedRoomSection {
    let context: SyncContext

    /// Appends the room when there is something to tell.
    ///
    /// - Returns: whether it was appended.
    func append(room: RoomNum, row: MembershipRow, to writer: inout JSONWriter) throws -> Bool {
        guard let head = try context.snapshot.head(of: room) else { throw ViewDamage.missingHead(room: room) }
        let mark = writer.bytes.count
        // Someone who has just joined knows nothing of the room, or nothing that still holds.
        let isNew = context.isInitial || row.joinedAt > context.since
        let isFull = isNew || context.request.fullState
        writer.key(utf8: try context.snapshot.text(room))
        writer.beginObject()
        var sight = RoomSight(context.snapshot, room: room, user: context.user, row: row)
        let changedState = head.lastStatePosition > context.since
        var heroes: [UserNum] = []
        if isFull || changedState {
            heroes = try RoomSummarySection(context: context).append(room: room, head: head, to: &writer)
        }
        let window = try timeline(isNew: isNew, head: head, sight: &sight)
        let entries = window.ascending
        let first = entries.first?.position
        let around = RoomStateSection.Surroundings(
            head: head,
            isFull: isFull,
            since: context.since,
            beforeTimeline: first?.before ?? context.upTo,
            end: context.upTo,
            hasGap: window.hasMore || window.hasSkipped,
            timeline: Set(entries.map { $0.event.holder(at: $0.position) }),
            senders: Set(entries.map(\.event.sender)),
            heroes: heroes,
            adoption: try first.flatMap { try context.snapshot.adopts(room, at: $0) ? $0 : nil }
        )
        var news = try RoomStateSection(context: context).append(around, sight: &sight, to: &writer)
        // A client that was in the room before may hold an older timeline, which this one does not continue.
        let isLimited = window.hasMore || isNew && !context.isInitial
        try TimelineSection(context: context).append(
            entries, isLimited: isLimited, end: context.upTo, sight: &sight, to: &writer)
        news += entries.count + (window.hasMore ? 1 : 0)
        writer.splice(",")
        news += try EphemeralSection(context: context).append(room: room, isFull: isNew, to: &writer)
        writer.splice(",")
        news += try AccountDataSection(context: context).append(room: room, isFull: isNew, to: &writer)
        guard isFull || news > 0 else {
            writer.bytes.removeLast(writer.bytes.count - mark)
            return false
        }
        try appendUnread(room: room, row: row, to: &writer)
        writer.endObject()
        return true
    }

    private func timeline(isNew: Bool, head: RoomHead, sight: inout RoomSight) throws -> TimelineWindow {
        let after = isNew ? .none : context.since
        // The room may have no new events at all: then there is nothing to look for.
        let upTo = head.lastTimelinePosition > after ? context.upTo : after
        let isAllowed = try context.filter.timeline.allows(room: context.snapshot.text(sight.room))
        let request = TimelineWindow.Request(
            after: after, upTo: isAllowed ? upTo : after, limit: context.timelineLimit, showsCurrentState: true,
            gap: head.gapPosition)
        return try TimelineWindow(
            context.snapshot, request, filter: context.filter.timeline, ignoring: context.ignored, sight: &sight)
    }

    /// "Servers MUST include the number of unread notifications in a client's `/sync` stream".
    private func appendUnread(room: RoomNum, row: MembershipRow, to writer: inout JSONWriter) throws {
        let byThread = context.filter.unreadThreadNotifications
        let counts = try context.unread.counts(
            context.snapshot, room: room, user: context.user, row: row, upTo: context.upTo, byThread: byThread,
            ignoring: context.ignored)
        writer.key("unread_notifications")
        Self.append(counts.main, to: &writer)
        guard byThread else { return }
        writer.key("unread_thread_notifications")
        writer.beginObject()
        for (thread, tally) in counts.threads.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            writer.key(thread)
            Self.append(tally, to: &writer)
        }
        writer.endObject()
    }

    private static func append(_ tally: UnreadCounts.Tally, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("highlight_count", tally.highlights)
        writer.field("notification_count", tally.notifications)
        writer.endObject()
    }
}

/// The `timeline` of a room.
struct TimelineSection {
    let context: SyncContext

    /// - Parameter end: where the timeline ends, should it be empty.
    func append(
        _ entries: [TimelineWindow.Entry], isLimited: Bool, end: LogPosition, sight: inout RoomSight,
        to writer: inout JSONWriter
    ) throws {
        writer.key("timeline")
        writer.splice("{\"events\":[")
        for entry in entries {
            try context.renderer.append(entry.event, membership: entry.membership, sight: &sight, to: &writer)
        }
        writer.splice("]")
        writer.field("limited", isLimited)
        writer.field("prev_batch", context.asker.token((entries.first?.position.before ?? end).rawValue))
        writer.endObject()
    }
}
