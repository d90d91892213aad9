package import EventLog
package import KeyValueStore

/// Look-ups that readers and projections share. They go one step: nothing is decided here.
extension StoreReader where Self: ~Copyable {
    // MARK: names to numbers

    /// The number of a name; nil when it has none.
    package func nameNumber(
        _ tables: ViewTables, _ kind: ViewKeys.NameKind, _ text: UnsafeRawBufferPointer
    ) throws -> UInt32? {
        let prefix = ViewKeys.nameByHash(kind, text)
        var found: UInt32?
        try forEach(tables.namesByHash, prefix: prefix) { key, _ in
            var input = ByteReader(key)
            _ = try input.readSlice(count: prefix.count)
            let number = try input.readUInt32()
            guard let stored = try nameSlice(tables, kind, number), stored.count == text.count,
                stored.elementsEqual(text)
            else { return true }
            found = number
            return false
        }
        return found
    }

    private func number(
        _ tables: ViewTables, _ kind: ViewKeys.NameKind, _ text: String
    ) throws -> UInt32? {
        var text = text
        return try text.withUTF8 { try nameNumber(tables, kind, UnsafeRawBufferPointer($0)) }
    }

    package func room(_ tables: ViewTables, _ roomID: String) throws -> RoomNum? {
        try number(tables, .room, roomID).map(RoomNum.init(rawValue:))
    }

    package func user(_ tables: ViewTables, _ userID: String) throws -> UserNum? {
        try number(tables, .user, userID).map(UserNum.init(rawValue:))
    }

    package func slot(_ tables: ViewTables, type: String, stateKey: String) throws -> SlotNum? {
        let text = ViewKeys.slotText(type: type, stateKey: stateKey)
        return try text.withUnsafeBytes { try nameNumber(tables, .slot, $0) }.map(SlotNum.init(rawValue:))
    }

    // MARK: numbers to names

    /// The bytes of a name, valid as long as the read.
    package func nameSlice(
        _ tables: ViewTables, _ kind: ViewKeys.NameKind, _ number: UInt32
    ) throws -> UnsafeRawBufferPointer? {
        try get(tables.namesByNumber, ViewKeys.nameByNumber(kind, number))
    }

    package func roomID(_ tables: ViewTables, _ room: RoomNum) throws -> String? {
        try nameSlice(tables, .room, room.rawValue).map { try ByteReader.string($0) }
    }

    package func userID(_ tables: ViewTables, _ user: UserNum) throws -> String? {
        try nameSlice(tables, .user, user.rawValue).map { try ByteReader.string($0) }
    }

    package func slotName(_ tables: ViewTables, _ slot: SlotNum) throws -> SlotName? {
        try nameSlice(tables, .slot, slot.rawValue).map { try SlotName(reading: $0) }
    }

    // MARK: events

    package func eventRow(_ tables: ViewTables, _ position: LogPosition) throws -> EventRow? {
        try get(tables.eventsRows, ViewKeys.event(position)).map { try EventRow(reading: $0) }
    }

    /// Where an event is, if this server has it. An event recorded twice (an outlier first) counts where it came last.
    package func eventPosition(_ tables: ViewTables, _ eventID: String) throws -> LogPosition? {
        var found: LogPosition?
        try forEach(tables.eventsByID, prefix: ViewKeys.eventByID(eventID), reversed: true) { key, _ in
            var input = ByteReader(key)
            _ = try input.readUInt64()
            let position = try input.readPosition()
            guard try eventRow(tables, position)?.hasEventID(eventID) == true else { return true }
            found = position
            return false
        }
        return found
    }

    package func roomHead(_ tables: ViewTables, _ room: RoomNum) throws -> RoomHead? {
        try get(tables.roomsHeads, ViewKeys.room(room)).map { try RoomHead(reading: $0) }
    }
}
