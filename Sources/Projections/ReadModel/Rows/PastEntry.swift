package import EventLog
package import KeyValueStore

/// The place of an event that came later than others of its depth: in the topological order it is not where the log has it.
package struct PastEntry: Hashable, Sendable {
    package let room: RoomNum
    package let depth: Int64
    package let position: LogPosition
    /// The flags of the event's row when it was recorded.
    package let flags: EventRow.Flags
    package let sender: UserNum
    /// It is in the topological order only, and not in the one in which clients are told of events.
    package let isBackfilled: Bool

    package init(
        room: RoomNum, depth: Int64, position: LogPosition, flags: EventRow.Flags, sender: UserNum, isBackfilled: Bool
    ) {
        self.room = room
        self.depth = depth
        self.position = position
        self.flags = flags
        self.sender = sender
        self.isBackfilled = isBackfilled
    }

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        room = try keyInput.readRoom()
        depth = Int64(clamping: try keyInput.readUInt64())
        position = try keyInput.readPosition()
        var input = ByteReader(value)
        flags = EventRow.Flags(rawValue: try input.readUInt8())
        sender = try input.readUser()
        isBackfilled = try input.readUInt8() != 0
    }

    package var key: StoreKey { ViewKeys.timelinePast(room, depth: depth, position) }

    package func encoded() -> StoreKey {
        StoreKey().appending(flags.rawValue).appending(sender.rawValue).appending(UInt8(isBackfilled ? 1 : 0))
    }
}

/// An event of the timeline that follows one that is not known: a backward extremity.
package struct TimelineGap: Hashable, Sendable {
    /// The event that is not known.
    package let missing: String
    /// The event that follows it.
    package let follower: LogPosition

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        _ = try keyInput.readRoom()
        _ = try keyInput.readUInt64()
        follower = try keyInput.readPosition()
        missing = try ByteReader.string(value)
    }
}
