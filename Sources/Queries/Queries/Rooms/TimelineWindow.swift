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
    }

    /// In the order of the scan.
    private(set) var entries: [Entry] = []
    /// There are, or may be, more events in the stretch that pass.
    private(set) var hasMore = false
    /// Events of the stretch were left out because of the filter, the user's sight or ignored senders.
    private(set) var hasSkipped = false
    /// The last event looked at, passed or not, in the direction of the scan.
    private(set) var lastScanned: LogPosition?

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
        let from = ViewKeys.timeline(sight.room, request.after.next)
        let to = ViewKeys.timeline(sight.room, request.upTo.next)
        var scanned = 0
        var lookaheadEnd = Self.longestLookahead
        try snapshot.forEach(
            snapshot.tables.timelineOrder, from: from, to: to, reversed: request.backwards
        ) { key, value in
            let isFull = entries.count >= request.limit
            if scanned >= (isFull ? lookaheadEnd : request.longestScan) {
                hasMore = true
                return false
            }
            scanned += 1
            defer { if !isFull { lookaheadEnd = scanned + Self.longestLookahead } }
            guard let number: UInt64 = key.number(at: 4), let flags = value.first else { return true }
            let position = LogPosition(rawValue: number)
            // "Servers … MUST NOT send … events from ignored users", state events excepted (ignoring users module).
            if !ignored.isEmpty, !EventRow.Flags(rawValue: flags).contains(.state),
                let sender: UInt32 = value.number(at: 1), ignored.contains(UserNum(rawValue: sender))
            {
                hasSkipped = true
                lastScanned = position
                return true
            }
            let event = try snapshot.event(at: position)
            let judgement = try sight.judge(event, at: position)
            let isShown =
                try judgement.isVisible
                || request.showsCurrentState && Self.holdsState(snapshot, event, position)
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
    }

    private static func holdsState(_ snapshot: Snapshot, _ event: EventRow, _ position: LogPosition) throws -> Bool {
        guard event.isState, !event.slot.isNone else { return false }
        return try snapshot.currentHolder(event.room, event.slot) == position
    }

    /// The same entries from the oldest to the newest, when the scan went backwards.
    var ascending: [Entry] { entries.reversed() }
}
