package import EventLog
package import KeyValueStore

/// The state before an event of a fork: another state, and the entries that differ from it.
///
/// Events without a row have the room's current state just before their record.
package struct StateBeforeRow {
    package enum Base: Hashable, Sendable {
        /// The room's current state just after a record; 0 is the empty state.
        case current(LogPosition)
        /// The state after the event at a position.
        case after(LogPosition)
        /// The state before the event at a position, which has a row of its own.
        case before(LogPosition)
    }

    package let base: Base
    /// How many rows stand between this one and the current state of some record, counting the event's forebears: it decides
    /// which rows reach further back.
    package let depth: UInt64
    package let delta: [StateDelta.Entry]

    package init(base: Base, depth: UInt64, delta: [StateDelta.Entry]) {
        self.base = base
        self.depth = depth
        self.delta = delta
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        let kind = try input.readUInt8()
        let position = LogPosition(rawValue: try input.readVarint())
        switch kind {
        case 0: base = .current(position)
        case 1: base = .after(position)
        case 2: base = .before(position)
        default: throw .numberTooLarge
        }
        depth = try input.readVarint()
        delta = try StateDelta.read(&input)
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 16 + delta.count * 8)
        switch base {
        case .current(let position):
            out.write(UInt8(0))
            out.writeVarint(position.rawValue)
        case .after(let position):
            out.write(UInt8(1))
            out.writeVarint(position.rawValue)
        case .before(let position):
            out.write(UInt8(2))
            out.writeVarint(position.rawValue)
        }
        out.writeVarint(depth)
        StateDelta.write(delta, into: &out)
        return out
    }
}
