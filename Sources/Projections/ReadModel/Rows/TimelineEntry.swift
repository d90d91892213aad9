package import EventLog
package import KeyValueStore

/// An event's place in a room's timeline with what counting unread events needs.
package struct TimelineEntry: Hashable, Sendable {
    package var room: RoomNum
    package var position: LogPosition
    /// The flags of the event's row when it was recorded. A redaction takes away what makes the event count as unread, and
    /// shows itself only in the row.
    package var flags: EventRow.Flags
    package var sender: UserNum

    package init(room: RoomNum, position: LogPosition, flags: EventRow.Flags, sender: UserNum) {
        self.room = room
        self.position = position
        self.flags = flags
        self.sender = sender
    }

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        room = try keyInput.readRoom()
        position = try keyInput.readPosition()
        var input = ByteReader(value)
        flags = EventRow.Flags(rawValue: try input.readUInt8())
        sender = try input.readUser()
    }

    package func encoded() -> StoreKey { StoreKey().appending(flags.rawValue).appending(sender.rawValue) }
}
