import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// One room under `rooms.leave`: "The timeline of messages and state changes in the room up to the point when the user left."
struct LeftRoomSection {
    let context: SyncContext

    /// Whether the room belongs into the answer at all.
    func concerns(_ row: MembershipRow) -> Bool {
        guard row.membership == .leave || row.membership == .ban, !row.isForgotten else { return false }
        // A client must learn that it is no longer in a room; of rooms left long ago it learns when it asks for them.
        // A fork's resolution may put a member event in force that the client has seen long before.
        if !context.isInitial, max(row.position, row.leftAt) > context.since { return true }
        return context.filter.includeLeave && (context.isInitial || context.request.fullState)
    }

    func append(room: RoomNum, row: MembershipRow, to writer: inout JSONWriter) throws {
        guard let head = try context.snapshot.head(of: room) else { return try appendOutside(room, row, to: &writer) }
        let wasIn = !row.joinedAt.isNone && !row.leftAt.isNone
        // At the last sync the client saw the room from inside, or has not seen it at all.
        let knewIt = !context.isInitial && wasIn && row.joinedAt <= context.since
        let leftSince = wasIn && row.leftAt > context.since
        let isFull = context.request.fullState || (leftSince && !knewIt)
        var sight = RoomSight(context.snapshot, room: room, user: context.user, row: row)
        writer.key(utf8: try context.snapshot.text(room))
        writer.beginObject()
        var entries: [TimelineWindow.Entry] = []
        var window: TimelineWindow?
        if leftSince || context.isInitial, wasIn {
            let request = TimelineWindow.Request(
                after: knewIt ? context.since : .none, upTo: row.leftAt, limit: context.timelineLimit,
                gap: head.gapPosition)
            let found = try TimelineWindow(
                context.snapshot, request, filter: context.filter.timeline, ignoring: context.ignored, sight: &sight)
            entries = found.ascending
            window = found
        }
        let hasOwnLater = row.position > max(row.leftAt, context.since)
        if hasOwnLater, let own = try ownEvent(row) { entries.append(own) }
        let around = RoomStateSection.Surroundings(
            head: head,
            isFull: isFull && wasIn,
            since: context.since,
            beforeTimeline: entries.first?.position.before ?? row.leftAt,
            end: wasIn ? row.leftAt : .none,
            hasGap: wasIn && leftSince && (window?.hasMore == true || window?.hasSkipped == true),
            timeline: Set(entries.map { $0.event.holder(at: $0.position) }),
            senders: Set(entries.map(\.event.sender)),
            heroes: [],
            adoption: try entries.first.flatMap { entry in
                try context.snapshot.adopts(room, at: entry.position) ? entry.position : nil
            },
            ownLaterEvent: hasOwnLater ? row.position : nil
        )
        _ = try RoomStateSection(context: context).append(around, sight: &sight, to: &writer)
        try TimelineSection(context: context).append(
            entries, isLimited: window?.hasMore == true, end: row.position, sight: &sight, to: &writer)
        writer.splice(",")
        let isNew = context.isInitial || !knewIt
        _ = try AccountDataSection(context: context).append(room: room, isFull: isNew, to: &writer)
        writer.endObject()
    }

    /// A room that nobody here was ever in: all that is known is how the invitation or the knock ended.
    private func appendOutside(_ room: RoomNum, _ row: MembershipRow, to writer: inout JSONWriter) throws {
        writer.key(utf8: try context.snapshot.text(room))
        writer.beginObject()
        writer.splice("\"state\":{\"events\":[]}")
        var sight = RoomSight(context.snapshot, room: room, user: context.user, row: row)
        try TimelineSection(context: context).append(
            try ownEvent(row).map { [$0] } ?? [], isLimited: false, end: row.position, sight: &sight, to: &writer)
        writer.splice(",")
        _ = try AccountDataSection(context: context).append(room: room, isFull: false, to: &writer)
        writer.endObject()
    }

    /// The member event that came after leaving, or without ever having been in the room: a ban, a declined invitation.
    private func ownEvent(_ row: MembershipRow) throws -> TimelineWindow.Entry? {
        let event = try context.snapshot.event(at: row.position)
        let filter = context.filter.timeline
        guard context.timelineLimit > 0, filter.allows(ClientEventSlices(event.clientJSON)) else { return nil }
        return TimelineWindow.Entry(position: row.position, event: event, membership: event.membership)
    }
}
