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
    }

    /// In the order of the scan.
    private(set) var entries: [Entry] = []
    /// There are more events in the stretch, seen or not.
    private(set) var hasMore = false
    /// Events of the stretch were left out because of the filter, the user's sight or ignored senders.
    private(set) var hasSkipped = false
    /// The last event looked at, passed or not, in the direction of the scan.
    private(set) var lastScanned: LogPosition?

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
        try snapshot.forEach(
            snapshot.tables.timelineOrder, from: from, to: to, reversed: request.backwards
        ) { key, value in
            if entries.count >= request.limit || scanned >= request.longestScan {
                hasMore = true
                return false
            }
            scanned += 1
            guard let number: UInt64 = key.number(at: 4), let flags = value.first else { return true }
            let position = LogPosition(rawValue: number)
            lastScanned = position
            // "Servers … MUST NOT send … events from ignored users", state events excepted (ignoring users module).
            if !ignored.isEmpty, !EventRow.Flags(rawValue: flags).contains(.state),
                let sender: UInt32 = value.number(at: 1), ignored.contains(UserNum(rawValue: sender))
            {
                hasSkipped = true
                return true
            }
            let event = try snapshot.event(at: position)
            let judgement = try sight.judge(event, at: position)
            if judgement.isVisible, filter.allowsEveryEvent || filter.allows(ClientEventSlices(event.clientJSON)) {
                entries.append(Entry(position: position, event: event, membership: judgement.membership))
            } else {
                hasSkipped = true
            }
            return true
        }
    }

    /// The same entries from the oldest to the newest, when the scan went backwards.
    var ascending: [Entry] { entries.reversed() }
}
