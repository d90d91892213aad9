import EventLog
import KeyValueStore
import ReadModel

extension Snapshot {
    /// How many events a search by time looks at.
    private static let longestTimeSearch = 500_000

    /// The event of a room's timeline that is closest to a time.
    ///
    /// Timestamps are the senders' and in no order, so a room's events are looked at one by one, newest first; what one
    /// question looks at is bounded.
    func timelineEvent(
        closestTo timestampMs: Int64, backwards: Bool, in room: RoomNum, upTo newest: LogPosition,
        _ isVisible: (EventRow, LogPosition) throws -> Bool
    ) throws -> (position: LogPosition, timestampMs: Int64)? {
        var best: (position: LogPosition, timestampMs: Int64)?
        var scanned = 0
        func look(at position: LogPosition) throws -> Bool {
            scanned += 1
            guard scanned <= Self.longestTimeSearch else { return false }
            let event = try event(at: position)
            let time = event.originServerTS
            guard backwards ? time <= timestampMs : time >= timestampMs else { return true }
            // Of two as close, the one that was sent first.
            if let best, backwards ? time < best.timestampMs : time > best.timestampMs { return true }
            if try isVisible(event, position) { best = (position, time) }
            return true
        }
        try forEach(
            tables.timelineOrder, from: ViewKeys.timeline(room, .first), to: ViewKeys.timeline(room, newest.next),
            reversed: true
        ) { key, _ in
            guard let number: UInt64 = key.number(at: 4) else { return false }
            return try look(at: LogPosition(rawValue: number))
        }
        // What came late, the deepest first.
        try forEach(tables.timelinePast, prefix: ViewKeys.room(room), reversed: true) { key, value in
            let entry = try PastEntry(key: key, value: value)
            return try !entry.isBackfilled || look(at: entry.position)
        }
        return best
    }
}
