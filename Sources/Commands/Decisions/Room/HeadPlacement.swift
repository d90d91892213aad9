package import MatrixIdentifiers

/// What a judged event does to its room's head.
package struct HeadPlacement: Sendable {
    /// Accepted: it becomes a forward extremity. Otherwise only the stream grows.
    package let isInTimeline: Bool
    /// It is followed by what was known before it: it moves the head's depth no further.
    package let isPast: Bool
    package let forwardExtremities: [EventID]
    /// Whether the event holds its own entry of the current state now.
    package let setsOwnEntry: Bool
    /// Other entries of the current state with their new holders; nil for those that are gone.
    package let changes: [(entry: StateEntry, holder: EventID?)]

    package init(
        isInTimeline: Bool, isPast: Bool = false, forwardExtremities: [EventID], setsOwnEntry: Bool,
        changes: [(entry: StateEntry, holder: EventID?)]
    ) {
        self.isInTimeline = isInTimeline
        self.isPast = isPast
        self.forwardExtremities = forwardExtremities
        self.setsOwnEntry = setsOwnEntry
        self.changes = changes
    }
}

/// A decision that must see everything of the room in the views, while something is still on its way to the disk. The lane
/// waits and asks again.
package struct NeedsSettledRoom: Error, Sendable {
    package init() {}
}
