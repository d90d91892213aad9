import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// One room under `rooms`.
struct SlidingRoomSection {
    let context: SlidingContext
    let listed: ListedRoom
    let config: SlidingRoomConfig
    let lists: [String]
    /// What the client has of the room; nil for nothing.
    let sent: SentRoom?
    /// Up to where it has it.
    let since: LogPosition?

    /// What became of a room.
    struct Outcome {
        var sent: SentRoom
        /// The events that were written as the timeline.
        var timeline: [LogPosition] = []
        /// Whether anything was written at all.
        var isWritten = true
    }

    private var row: MembershipRow { listed.row }
    private var wasIn: Bool { !row.joinedAt.isNone && (row.membership == .join || !row.leftAt.isNone) }

    /// Appends the room when there is something to tell.
    func append(to writer: inout JSONWriter) throws -> Outcome {
        let mark = writer.bytes.count
        writer.key(utf8: try context.snapshot.text(listed.room))
        writer.beginObject()
        let outcome: Outcome
        if row.membership == .invite || row.membership == .knock {
            outcome = try appendStripped(to: &writer)
        } else if wasIn {
            outcome = try appendInside(to: &writer)
        } else {
            outcome = try appendNeverIn(to: &writer)
        }
        guard outcome.isWritten else {
            writer.bytes.removeLast(writer.bytes.count - mark)
            return outcome
        }
        try appendCommon(to: &writer, summary: outcome.sent.summary)
        writer.endObject()
        return outcome
    }

    /// The fields of every room, whatever the user is in it.
    private func appendCommon(to writer: inout JSONWriter, summary: SentSummary) throws {
        writer.field("bump_stamp", listed.bumpStamp)
        writer.field("membership", row.membership.text)
        // "The field is omitted if it doesn't match any list and is included only due to a subscription."
        if !lists.isEmpty { writer.field("lists", lists) }
        if summary.isDM || sent?.summary.isDM == true { writer.field("is_dm", summary.isDM) }
        guard context.dialect == .unstable, row.membership == .join else { return }
        writer.field("notification_count", summary.notifications)
        writer.field("highlight_count", summary.highlights)
    }

    // MARK: Invited and knocking

    /// "For rooms the user has not been joined to the client also gets the stripped state events."
    private func appendStripped(to writer: inout JSONWriter) throws -> Outcome {
        var summary = SentSummary()
        summary.isDM = context.direct.contains(listed.room)
        let outcome = SentRoom(membership: row.membership, config: config, summary: summary)
        if let sent, let since, sent.membership == row.membership, row.position <= since,
            sent.summary.isDM == summary.isDM
        {
            return Outcome(sent: outcome, isWritten: false)
        }
        writer.field("initial", true)
        let old = row.membership == .invite ? "invite_state" : "knock_state"
        for name in context.dialect == .unstable ? [old, "stripped_state"] : ["stripped_state"] {
            writer.key(name)
            writer.beginArray()
            try StrippedState(snapshot: context.snapshot, renderer: context.renderer).append(
                room: listed.room, row: row, to: &writer)
            writer.endArray()
        }
        return Outcome(sent: outcome)
    }

    /// An invitation or a knock that came to nothing: the client has it and learns of the end.
    private func appendNeverIn(to writer: inout JSONWriter) throws -> Outcome {
        let changedAt = max(row.position, row.leftAt)
        let outcome = SentRoom(membership: row.membership, config: config)
        if let sent, let since, sent.membership == row.membership, changedAt <= since {
            return Outcome(sent: outcome, isWritten: false)
        }
        writer.field("initial", true)
        let own = try context.snapshot.event(at: row.position)
        var sight = RoomSight(context.snapshot, room: listed.room, user: context.user, row: row)
        for name in ["required_state", "timeline"] {
            writer.key(name)
            writer.beginArray()
            try context.renderer.append(own, membership: own.membership, sight: &sight, to: &writer)
            writer.endArray()
        }
        writer.field("num_live", 1)
        return Outcome(sent: outcome, timeline: [row.position])
    }

    // MARK: Joined, or joined before

    /// Up to where the user sees the room.
    private var end: LogPosition { row.membership == .join ? context.upTo : row.leftAt }

    /// Whether the client must be told of the room from the beginning.
    private var beginsAnew: Bool {
        guard let sent, let since else { return true }
        if sent.membership == .invite || sent.membership == .knock { return true }
        if row.membership == .join, sent.membership != .join { return true }
        return row.joinedAt > since
    }

    private func appendInside(to writer: inout JSONWriter) throws -> Outcome {
        let isNew = beginsAnew
        let from = isNew ? nil : since
        var sight = RoomSight(context.snapshot, room: listed.room, user: context.user, row: row)
        var timeline = SlidingTimeline(context: context, listed: listed, limit: config.timelineLimit, end: end)
        try timeline.find(after: from, sent: isNew ? nil : sent, sight: &sight)
        let state = SlidingStateSection(context: context, room: listed.room, config: config, from: from, end: end)
        var found = try state.find(timeline.entries, sent: isNew ? nil : sent, isLimited: timeline.isLimited)
        try addOwnLaterEvent(to: &found, timeline: timeline)
        let summary = try SlidingSummary(context: context, listed: listed, end: end).make(
            since: from, before: isNew ? nil : sent?.summary)
        var room = SentRoom(membership: row.membership, config: config, summary: summary.sent)
        room.known = timeline.known
        room.hasAllEvents = timeline.hasAllEvents
        room.members = found.members
        let hasNews =
            isNew || !timeline.entries.isEmpty || timeline.isLimited || !found.holders.isEmpty || !found.gone.isEmpty
            || summary.sent != sent?.summary || sent?.membership != row.membership
        guard hasNews else { return Outcome(sent: room, isWritten: false) }
        if isNew { writer.field("initial", true) }
        summary.append(before: isNew ? nil : sent?.summary, to: &writer)
        if isNew || !found.holders.isEmpty || !found.gone.isEmpty {
            try append(found, sight: &sight, to: &writer)
        }
        if isNew || !timeline.entries.isEmpty || timeline.isLimited { try timeline.append(sight: &sight, to: &writer) }
        return Outcome(sent: room, timeline: timeline.entries.map(\.position))
    }

    /// The member event that came after leaving, as a ban: it is in no state that the user may see but their own.
    private func addOwnLaterEvent(to found: inout SlidingStateSection.Found, timeline: SlidingTimeline) throws {
        guard let position = timeline.ownLater else { return }
        let own = try context.snapshot.event(at: position)
        guard try config.lazyMembers || context.slots.wants(config, own.slot) else { return }
        found.holders = try found.holders.filter { try context.snapshot.event(at: $0).slot != own.slot }
        found.holders.insert(position)
    }

    private func append(
        _ found: SlidingStateSection.Found, sight: inout RoomSight, to writer: inout JSONWriter
    ) throws {
        writer.key("required_state")
        writer.beginArray()
        for holder in found.holders.sorted() {
            let event = try context.snapshot.event(at: holder)
            let membership = try sight.judge(event, at: holder).membership
            try context.renderer.append(event, membership: membership, sight: &sight, to: &writer)
        }
        // "To handle state being deleted, the list may include a `StateStub` type … that only has `type` and `state_key`
        // fields."
        for name in found.gone {
            writer.beginObject()
            writer.field("type", name.type)
            writer.field("state_key", name.stateKey)
            writer.endObject()
        }
        writer.endArray()
    }
}
