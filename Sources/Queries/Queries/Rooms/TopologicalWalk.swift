import EventLog
import KeyValueStore
import ReadModel

/// Walks a room's timeline in the order of its graph: by depth, and of one depth in the order of the log.
///
/// Two tables are merged. In `timeline.order` the events stand in the order of the log; those that came at their turn, each
/// deeper than all before it, are in the order of the graph there too. All others, late ones and those of the past, stand in
/// `timeline.past` by depth.
struct TopologicalWalk {
    /// A bound between events.
    enum Bound {
        /// Behind what stood in the timeline when the log had come to a position.
        case log(LogPosition)
        /// Before a place of the graph; of events that did not come late only those up to a position count as before it.
        case graph(TimelinePlace, upTo: LogPosition)
    }

    /// One event of the walk.
    struct Step {
        let place: TimelinePlace
        let flags: EventRow.Flags
        let sender: UserNum
    }

    /// A bound as both tables need it.
    private struct Limits {
        /// The last event before the bound of those that came at their turn.
        var inTurn: LogPosition
        /// Late events stand before it when their place does …
        var place: TimelinePlace
        /// … and, unless they are of the past, their record is none of the later ones.
        var upTo: LogPosition
    }

    private let snapshot: Snapshot
    private let room: RoomNum

    init(_ snapshot: Snapshot, room: RoomNum) {
        self.snapshot = snapshot
        self.room = room
    }

    // MARK: Walking

    /// Visits the events between two bounds until `visit` answers false.
    func walk(
        after lower: Bound, before upper: Bound, backwards: Bool, _ visit: (Step) throws -> Bool
    ) throws {
        let low = try limits(of: lower)
        let high = try limits(of: upper)
        guard low.inTurn <= high.inTurn else { return }
        var isWanted = true
        var late = try lateEvent(backwards ? high.place : low.place, low, high, backwards: backwards)
        try snapshot.forEach(
            snapshot.tables.timelineOrder, from: ViewKeys.timeline(room, low.inTurn.next),
            to: ViewKeys.timeline(room, high.inTurn.next), reversed: backwards
        ) { key, value in
            let entry = try TimelineEntry(key: key, value: value)
            guard let place = try placeInTurn(entry.position) else { return true }
            while let found = late, backwards ? found.place > place : found.place < place {
                isWanted = try visit(found)
                guard isWanted else { return false }
                late = try lateEvent(
                    backwards ? found.place : found.place.next, low, high, backwards: backwards)
            }
            isWanted = try visit(Step(place: place, flags: entry.flags, sender: entry.sender))
            return isWanted
        }
        while isWanted, let found = late {
            isWanted = try visit(found)
            late = try lateEvent(backwards ? found.place : found.place.next, low, high, backwards: backwards)
        }
    }

    /// The place of an event that came at its turn; nil for one that came late.
    private func placeInTurn(_ position: LogPosition) throws -> TimelinePlace? {
        let depth = try snapshot.event(at: position).depth
        guard try snapshot.pastEntry(snapshot.tables, room, depth: depth, position) == nil else { return nil }
        return TimelinePlace(depth: depth, position: position)
    }

    /// The next late event between two bounds: before a place, or at or behind it.
    private func lateEvent(
        _ from: TimelinePlace, _ low: Limits, _ high: Limits, backwards: Bool
    ) throws -> Step? {
        var found: Step?
        let start = ViewKeys.timelinePast(room, depth: from.depth, from.position)
        let table = snapshot.tables.timelinePast
        let prefix = ViewKeys.room(room)
        func look(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Bool {
            let entry = try PastEntry(key: key, value: value)
            let place = TimelinePlace(depth: entry.depth, position: entry.position)
            if backwards ? place < low.place : place >= high.place { return false }
            // Of the others the log says whether they are between the bounds.
            let isBetween = entry.isBackfilled || entry.position <= high.upTo
            guard isBetween else { return true }
            found = Step(place: place, flags: entry.flags, sender: entry.sender)
            return false
        }
        if backwards {
            try snapshot.forEach(table, to: start, prefix: prefix, reversed: true, look)
        } else {
            try snapshot.forEach(table, from: start, prefix: prefix, look)
        }
        return found
    }

    // MARK: Bounds

    private func limits(of bound: Bound) throws -> Limits {
        switch bound {
        case .log(let position):
            // What is deeper than the next event in turn is behind it.
            var place = TimelinePlace.last
            try snapshot.forEach(
                snapshot.tables.timelineOrder, from: ViewKeys.timeline(room, position.next), prefix: ViewKeys.room(room)
            ) { key, value in
                guard let found = try placeInTurn(try TimelineEntry(key: key, value: value).position) else {
                    return true
                }
                place = TimelinePlace(depth: found.depth, position: .none)
                return false
            }
            if position.isNone { place = .first }
            return Limits(inTurn: position, place: place, upTo: position)
        case .graph(let place, let upTo):
            return Limits(inTurn: try lastInTurn(before: place), place: place, upTo: upTo)
        }
    }

    /// The last event before a place, of those that came at their turn: these are ordered by depth too, so it is searched for
    /// by halves.
    private func lastInTurn(before place: TimelinePlace) throws -> LogPosition {
        guard let head = try snapshot.head(of: room) else { return .none }
        var low: UInt64 = 0
        var high = head.lastTimelinePosition.rawValue
        // Everything in turn at or before `low` is before the place, and everything behind `high` is not.
        while low < high {
            let middle = low + (high - low + 1) / 2
            guard let found = try inTurn(atOrBefore: LogPosition(rawValue: middle)) else {
                low = middle
                continue
            }
            if found < place { low = middle } else { high = found.position.rawValue - 1 }
        }
        return LogPosition(rawValue: low)
    }

    private func inTurn(atOrBefore position: LogPosition) throws -> TimelinePlace? {
        var found: TimelinePlace?
        try snapshot.forEach(
            snapshot.tables.timelineOrder, to: ViewKeys.timeline(room, position.next), prefix: ViewKeys.room(room),
            reversed: true
        ) { key, value in
            found = try placeInTurn(try TimelineEntry(key: key, value: value).position)
            return found == nil
        }
        return found
    }
}
