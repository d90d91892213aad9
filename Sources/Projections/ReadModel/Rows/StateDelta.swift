package import EventLog
package import KeyValueStore

/// Entries of room state with the events that hold them: varint slot and varint position of each, 0 for one that is gone.
package enum StateDelta {
    package typealias Entry = (slot: SlotNum, holder: LogPosition)

    /// Reads entries to the end of the input.
    package static func read(_ input: inout ByteReader) throws(ByteFault) -> [Entry] {
        var entries: [Entry] = []
        while input.remaining > 0 {
            guard let slot = UInt32(exactly: try input.readVarint()) else { throw .numberTooLarge }
            entries.append((SlotNum(rawValue: slot), LogPosition(rawValue: try input.readVarint())))
        }
        return entries
    }

    package static func write(_ entries: some Sequence<Entry>, into out: inout ByteWriter) {
        for entry in entries {
            out.writeVarint(UInt64(entry.slot.rawValue))
            out.writeVarint(entry.holder.rawValue)
        }
    }
}
