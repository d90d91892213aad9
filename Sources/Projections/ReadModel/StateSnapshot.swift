package import EventLog

/// A room's state at one point of its graph: its current state as of a record, with the entries that differ.
///
/// Both parts are references, so a snapshot of a room with 100,000 members costs what the fork has changed.
package struct StateSnapshot: Sendable, Hashable {
    package let room: RoomNum
    /// The current state just after this record; 0 is the empty state.
    package let base: LogPosition
    /// Entries that are different from it; 0 where one is gone.
    package var overlay: [SlotNum: LogPosition]

    package init(room: RoomNum, base: LogPosition, overlay: [SlotNum: LogPosition] = [:]) {
        self.room = room
        self.base = base
        self.overlay = overlay
    }

    /// One entry that two snapshots hold differently; 0 where it is absent.
    package struct Difference: Sendable, Hashable {
        package let slot: SlotNum
        package let before: LogPosition
        package let after: LogPosition

        package init(slot: SlotNum, before: LogPosition, after: LogPosition) {
            self.slot = slot
            self.before = before
            self.after = after
        }
    }
}
