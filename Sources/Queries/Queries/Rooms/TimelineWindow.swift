import EventLog
import KeyValueStore
import ReadModel

/// A stretch of a room's timeline as one user and one filter see it.
struct TimelineWindow {
    struct Entry {
        let position: LogPosition
        let event: EventRow
        let membership: StoredMembership
    }

    /// Which stretch, and how much of it.
    struct Request {
        /// Only events behind it.
        var after: LogPosition
        /// Only events up to it.
        var upTo: LogPosition
        var backwards = true
        var limit: Int
        /// How many events to look at before giving up on those that pass.
        var longestScan = 4096
        /// Whether events that hold the room's state now are shown whenever they were sent.
        ///
        /// A member may read all of the current state. If the timeline left out such an event because of the history
        /// visibility at the time, the client would apply the timeline and end with another state than the room's.
        var showsCurrentState = false
        /// The newest place before which the timeline has a hole, or begins anew: nothing from before it is shown.
        var gap = LogPosition.none
    }

    /// In the order of the scan.
    private(set) var entries: [Entry] = []
    /// There are, or may be, more events in the stretch that pass.
    private(set) var hasMore = false
    /// Events of the stretch were left out because of the filter, the user's sight or ignored senders.
    private(set) var hasSkipped = false
    /// The last event looked at, passed or not, in the direction of the scan.
    private(set) var lastScanned: LogPosition?
    /// The same place in the graph, of a walk in the graph's order.
    private(set) var lastPlace: TimelinePlace?
    private var scanned = 0
    private var lookaheadEnd = Self.longestLookahead

    /// How many events behind a full window are looked at, to find out whether any of them passes.
    private static let longestLookahead = 128

    init(
        _ snapshot: Snapshot,
        _ request: Request,
        filter: EventFilter,
        ignoring ignored: Set<UserNum> = [],
        sight: inout RoomSight
    ) throws {
        guard request.after < request.upTo else { return }
        let isCut = request.gap > request.after && request.gap <= request.upTo
        let from = ViewKeys.timeline(sight.room, isCut ? request.gap : request.after.next)
        let to = ViewKeys.timeline(sight.room, request.upTo.next)
        try snapshot.forEach(
            snapshot.tables.timelineOrder, from: from, to: to, reversed: request.backwards
        ) { key, value in
            let entry = try TimelineEntry(key: key, value: value)
            return try look(
                at: entry.position, flags: entry.flags, sender: entry.sender, request, filter, ignored, &sight)
        }
        if isCut { hasMore = true }
    }

    /// A stretch in the order of the graph.
    init(
        _ snapshot: Snapshot,
        inGraph bounds: (after: TopologicalWalk.Bound, before: TopologicalWalk.Bound),
        _ request: Request,
        filter: EventFilter,
        ignoring ignored: Set<UserNum> = [],
        sight: inout RoomSight
    ) throws {
        try TopologicalWalk(snapshot, room: sight.room).walk(
            after: bounds.after, before: bounds.before, backwards: request.backwards
        ) { step in
            let goesOn = try look(
                at: step.place.position, flags: step.flags, sender: step.sender, request, filter, ignored, &sight)
            if lastScanned == step.place.position { lastPlace = step.place }
            return goesOn
        }
    }

    /// Looks at one event.
    ///
    /// - Returns: whether to go on.
    private mutating func look(
        at position: LogPosition, flags: EventRow.Flags, sender: UserNum, _ request: Request, _ filter: EventFilter,
        _ ignored: Set<UserNum>, _ sight: inout RoomSight
    ) throws -> Bool {
        let snapshot = sight.snapshot
        let isFull = entries.count >= request.limit
        if scanned >= (isFull ? lookaheadEnd : request.longestScan) {
            hasMore = true
            return false
        }
        scanned += 1
        defer { if !isFull { lookaheadEnd = scanned + Self.longestLookahead } }
        // "Servers … MUST NOT send … events from ignored users", state events excepted (ignoring users module).
        if !ignored.isEmpty, !flags.contains(.state), ignored.contains(sender) {
            hasSkipped = true
            lastScanned = position
            return true
        }
        let event = try snapshot.event(at: position)
        let judgement = try sight.judge(event, at: position)
        let isShown =
            try judgement.isVisible || request.showsCurrentState && Self.holdsState(snapshot, event, position)
        if isShown, filter.allowsEveryEvent || filter.allows(ClientEventSlices(event.clientJSON)) {
            // "limited: True if the number of events returned was limited by the `limit` on the filter."
            if isFull {
                hasMore = true
                return false
            }
            entries.append(Entry(position: position, event: event, membership: judgement.membership))
        } else {
            hasSkipped = true
        }
        lastScanned = position
        return true
    }

    private static func holdsState(_ snapshot: Snapshot, _ event: EventRow, _ position: LogPosition) throws -> Bool {
        guard event.isState, !event.slot.isNone else { return false }
        return try snapshot.currentHolder(event.room, event.slot) == event.holder(at: position)
    }

    /// The same entries from the oldest to the newest, when the scan went backwards.
    var ascending: [Entry] { entries.reversed() }
}
