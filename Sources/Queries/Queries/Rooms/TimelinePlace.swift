package import EventLog

/// A place in the topological order of a room: by depth, and of one depth by the record.
package struct TimelinePlace: Hashable, Sendable, Comparable {
    package let depth: Int64
    package let position: LogPosition

    package init(depth: Int64, position: LogPosition) {
        self.depth = max(0, depth)
        self.position = position
    }

    package static func < (left: TimelinePlace, right: TimelinePlace) -> Bool {
        left.depth != right.depth ? left.depth < right.depth : left.position < right.position
    }

    /// The place directly behind this one.
    package var next: TimelinePlace { TimelinePlace(depth: depth, position: position.next) }
    static let first = TimelinePlace(depth: 0, position: .none)
    static let last = TimelinePlace(depth: .max, position: .newest)
}
