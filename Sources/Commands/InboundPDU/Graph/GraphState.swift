package import StateResolution

/// A state of a room: its current state as of some point of its order, with the entries that differ.
package struct GraphState: Hashable, Sendable {
    /// The point; 0 is before everything, the empty state.
    package let base: UInt64
    /// Entries that are different from it; nil where one is gone.
    package var overlay: [StateSlot: EventNumber?]

    package init(base: UInt64, overlay: [StateSlot: EventNumber?] = [:]) {
        self.base = base
        self.overlay = overlay
    }

    package static let empty = GraphState(base: 0)

    /// The same with changes made.
    package func applying(_ difference: StateDifference) -> GraphState {
        var copy = self
        for change in difference.changes { copy.overlay[change.slot] = .some(change.event) }
        return copy
    }
}
