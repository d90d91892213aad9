package import EventLog
package import KeyValueStore

/// The places in a room's timeline before which something is missing, and the events that came late.
extension StoreReader where Self: ~Copyable {
    /// The events of the timeline that follow one that is not known.
    package func followers(
        _ tables: ViewTables, _ room: RoomNum, ofMissing eventID: String
    ) throws -> [LogPosition] {
        var found: [LogPosition] = []
        try forEach(tables.timelineGaps, prefix: ViewKeys.timelineGaps(room, missing: eventID)) { key, value in
            let gap = try TimelineGap(key: key, value: value)
            if gap.missing.utf8.elementsEqual(eventID.utf8) { found.append(gap.follower) }
            return true
        }
        return found
    }

    /// A room's backward extremities, at most `limit`.
    package func timelineGaps(_ tables: ViewTables, _ room: RoomNum, limit: Int) throws -> [TimelineGap] {
        var found: [TimelineGap] = []
        guard limit > 0 else { return found }
        try forEach(tables.timelineGaps, prefix: ViewKeys.room(room)) { key, value in
            found.append(try TimelineGap(key: key, value: value))
            return found.count < limit
        }
        return found
    }

    /// The place of an event that came late; nil for one whose place in the log's order is its place in the graph's.
    package func pastEntry(
        _ tables: ViewTables, _ room: RoomNum, depth: Int64, _ position: LogPosition
    ) throws -> PastEntry? {
        let key = ViewKeys.timelinePast(room, depth: depth, position)
        return try key.withStoreBytes { key in
            try get(tables.timelinePast, key).map { try PastEntry(key: key, value: $0) }
        }
    }
}
