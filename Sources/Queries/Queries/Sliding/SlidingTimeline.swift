import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// The `timeline` of a room with what belongs to it.
struct SlidingTimeline {
    let context: SlidingContext
    let listed: ListedRoom
    let limit: Int
    /// Where the user's sight of the room ends.
    let end: LogPosition

    private(set) var entries: [TimelineWindow.Entry] = []
    private(set) var isLimited = false
    private(set) var isExpanded = false
    /// How many of the newest events the client has then, without a gap.
    private(set) var known = 0
    private(set) var hasAllEvents = false
    /// The user's own member event after they had left; it is the last entry when the limit allows any.
    private(set) var ownLater: LogPosition?

    init(context: SlidingContext, listed: ListedRoom, limit: Int, end: LogPosition) {
        self.context = context
        self.listed = listed
        self.limit = limit
        self.end = end
    }

    /// - Parameters:
    ///   - from: up to where the client has the room; nil when it begins anew.
    ///   - sent: what it has then.
    mutating func find(after from: LogPosition?, sent: SentRoom?, sight: inout RoomSight) throws {
        let news = try window(after: from ?? .none, sight: &sight)
        entries = news.entries
        isLimited = news.hasMore
        known = entries.count
        hasAllEvents = !news.hasMore
        if let sent, from != nil, !news.hasMore {
            known += sent.known
            hasAllEvents = sent.hasAllEvents
        }
        // "if the `timeline_limit` has increased (to say `N`) and the server has not previously sent down all of the latest
        // `N` events on the connection, the server SHOULD send down the latest `N` events".
        if let sent, let from, limit > sent.config.timelineLimit, known < limit, !hasAllEvents {
            let latest = try window(after: .none, sight: &sight)
            entries = latest.entries
            isLimited = latest.hasMore
            known = entries.count
            hasAllEvents = !latest.hasMore
            isExpanded = entries.contains { $0.position <= from }
        }
        known = min(known, 1 << 20)
        let row = listed.row
        guard row.membership != .join, row.position > max(row.leftAt, from ?? .none) else { return }
        ownLater = row.position
        if limit > 0 {
            let own = try context.snapshot.event(at: row.position)
            entries.append(TimelineWindow.Entry(position: row.position, event: own, membership: own.membership))
        }
    }

    private func window(
        after: LogPosition, sight: inout RoomSight
    ) throws -> (entries: [TimelineWindow.Entry], hasMore: Bool) {
        guard let last = listed.activity?.lastTimelinePosition, last > after else { return ([], false) }
        let request = TimelineWindow.Request(
            after: after, upTo: end, limit: limit, showsCurrentState: listed.row.membership == .join,
            gap: listed.activity?.gapPosition ?? .none)
        let window = try TimelineWindow(
            context.snapshot, request, filter: EventFilter(), ignoring: context.ignored, sight: &sight)
        return (window.ascending, window.hasMore)
    }

    func append(sight: inout RoomSight, to writer: inout JSONWriter) throws {
        writer.key("timeline")
        writer.beginArray()
        for entry in entries {
            try context.renderer.append(entry.event, membership: entry.membership, sight: &sight, to: &writer)
        }
        writer.endArray()
        writer.field("limited", isLimited)
        writer.field("prev_batch", context.asker.token((entries.first?.position.before ?? end).rawValue))
        // "The number of timeline events which have "just occurred" and are not historical, i.e. that have happened since
        // the previous sync request."
        let live = context.isInitial ? 0 : entries.count { $0.position > context.since }
        writer.field("num_live", live)
        guard isExpanded else { return }
        writer.field("expanded_timeline", true)
        if context.dialect == .unstable { writer.field("unstable_expanded_timeline", true) }
    }
}
