package import EventLog
package import KeyValueStore

/// The auth graph of a room, asked from both ends.
extension StoreReader where Self: ~Copyable {
    package func authRow(_ tables: ViewTables, _ room: RoomNum, _ position: LogPosition) throws -> AuthRow? {
        try get(tables.authRows, ViewKeys.stateRecord(room, position)).map { try AuthRow(at: position, value: $0) }
    }

    /// The room's first state event.
    package func firstAuthRow(_ tables: ViewTables, _ room: RoomNum) throws -> LogPosition? {
        guard let entry = try firstAtOrAfter(tables.authRows, ViewKeys.room(room)) else { return nil }
        var input = ByteReader(entry.key)
        guard try input.readRoom() == room else { return nil }
        return try input.readPosition()
    }

    /// State events whose auth events name one, newest first: those before `bound`, at most `limit`.
    package func authCitations(
        _ tables: ViewTables, _ room: RoomNum, of cited: LogPosition, before bound: LogPosition, limit: Int
    ) throws -> [LogPosition] {
        var found: [LogPosition] = []
        guard limit > 0 else { return found }
        let prefix = ViewKeys.stateRecord(room, cited)
        try forEach(tables.authCitations, to: prefix.appending(bound.rawValue), prefix: prefix, reversed: true) {
            key, value in
            for citing in try AuthCitationBlock(key: key, value: value).citing.reversed() where citing < bound {
                found.append(citing)
                if found.count >= limit { return false }
            }
            return true
        }
        return found
    }

    /// Where an event was recorded first.
    package func firstEventPosition(_ tables: ViewTables, _ eventID: String) throws -> LogPosition? {
        var found: LogPosition?
        try forEach(tables.eventsByID, prefix: ViewKeys.eventByID(eventID)) { key, _ in
            var input = ByteReader(key)
            _ = try input.readUInt64()
            let position = try input.readPosition()
            guard try eventRow(tables, position)?.hasEventID(eventID) == true else { return true }
            found = position
            return false
        }
        return found
    }
}
