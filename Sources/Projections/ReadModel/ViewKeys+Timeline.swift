package import EventLog
package import KeyValueStore

extension ViewKeys {
    /// A place in the topological order of a room: by depth, of one depth by the record.
    package static func timelinePast(_ room: RoomNum, depth: Int64, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(UInt64(max(0, depth))).appending(position.rawValue)
    }

    /// What all rows begin with that tell who follows an unknown event; the position of the one that does follows.
    package static func timelineGaps(_ room: RoomNum, missing eventID: String) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(FixedHash.short(eventID))
    }
}
