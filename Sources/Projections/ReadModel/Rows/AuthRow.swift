package import EventLog
package import KeyValueStore

/// What the auth index keeps of one state event, keyed by room and position: the auth graph without PDUs.
package struct AuthRow: Hashable, Sendable {
    /// "A *power event* is a state event with type `m.room.power_levels` or `m.room.join_rules`, or …"
    package var isPowerEvent = false
    package var isRejected = false
    package var slot = SlotNum.none
    package var originServerTS: Int64 = 0
    /// Those of its auth events that are known state events, each where it was recorded first.
    package var authEvents: [LogPosition] = []
    /// Where the same event was recorded before, as an outlier; 0 for the first record, whose row counts.
    package var original = LogPosition.none

    package init() {}

    private static let power: UInt8 = 1
    private static let rejected: UInt8 = 2
    private static let again: UInt8 = 4

    package init(at position: LogPosition, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        let flags = try input.readUInt8()
        isPowerEvent = flags & Self.power != 0
        isRejected = flags & Self.rejected != 0
        if flags & Self.again != 0 {
            original = LogPosition(rawValue: position.rawValue &- (try input.readVarint()))
        }
        guard let slot = UInt32(exactly: try input.readVarint()) else { throw .numberTooLarge }
        self.slot = SlotNum(rawValue: slot)
        originServerTS = Int64(bitPattern: try input.readVarint())
        while input.remaining > 0 {
            authEvents.append(LogPosition(rawValue: position.rawValue &- (try input.readVarint())))
        }
    }

    package func encoded(at position: LogPosition) -> ByteWriter {
        var out = ByteWriter(capacity: 16 + authEvents.count * 4)
        var flags: UInt8 = isPowerEvent ? Self.power : 0
        if isRejected { flags |= Self.rejected }
        if original != .none { flags |= Self.again }
        out.write(flags)
        if original != .none { out.writeVarint(position.rawValue &- original.rawValue) }
        out.writeVarint(UInt64(slot.rawValue))
        out.writeVarint(UInt64(bitPattern: originServerTS))
        // Distances are shorter than positions.
        for authEvent in authEvents { out.writeVarint(position.rawValue &- authEvent.rawValue) }
        return out
    }
}
