package import EventLog
package import KeyValueStore

/// Records of one room that changed its current state, packed: the key of `state.changes` is the room and the first of them.
///
/// Each is a varint: the distance from the one before (0 for the first) times four, plus 1 when the record's own event took its
/// entry, plus 2 when `state.deltas` has what else it changed. So a change costs two or three bytes.
package struct StateChangeBlock {
    package struct Change: Hashable, Sendable {
        package let position: LogPosition
        /// The recorded event became the holder of its own entry.
        package let isOwn: Bool
        /// Other entries changed too, or instead.
        package let hasDelta: Bool

        package init(position: LogPosition, isOwn: Bool, hasDelta: Bool) {
            self.position = position
            self.isOwn = isOwn
            self.hasDelta = hasDelta
        }
    }

    /// A block with so many bytes gets no more changes.
    package static let fullBytes = 240

    package let room: RoomNum
    package let first: LogPosition
    package private(set) var changes: [Change]

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        room = try keyInput.readRoom()
        first = try keyInput.readPosition()
        var input = ByteReader(value)
        var position = first.rawValue
        changes = []
        while input.remaining > 0 {
            let number = try input.readVarint()
            position &+= number >> 2
            changes.append(
                Change(
                    position: LogPosition(rawValue: position), isOwn: number & 1 != 0, hasDelta: number & 2 != 0))
        }
    }

    /// How a change is written behind one at `previous`; the first of a block stands behind itself.
    package static func encoded(_ change: Change, after previous: LogPosition) -> ByteWriter {
        var out = ByteWriter(capacity: 10)
        let flags: UInt64 = (change.isOwn ? 1 : 0) | (change.hasDelta ? 2 : 0)
        out.writeVarint((change.position.rawValue &- previous.rawValue) << 2 | flags)
        return out
    }
}
