import EventLog
import KeyValueStore
import MatrixIdentifiers
import ReadModel

/// A stretch of a room's timeline between two tokens, in one direction.
///
/// In a room that nothing came late to, that is the order of the log. Where events of the past were recorded, whoever goes
/// back, or comes from a place of the graph, walks in the order of the graph. Going back between two tokens of the log is
/// filling the gap between two syncs: there too the order is the log's.
struct TimelineStretch {
    private let snapshot: Snapshot
    private let room: RoomNum
    private let upTo: LogPosition
    private let from: TopologicalWalk.Bound
    private let to: TopologicalWalk.Bound
    private let backwards: Bool
    private let isInGraph: Bool

    private init(
        _ snapshot: Snapshot, room: RoomNum, upTo: LogPosition, from: TopologicalWalk.Bound,
        to: TopologicalWalk.Bound, backwards: Bool, isInGraph: Bool
    ) {
        self.snapshot = snapshot
        self.room = room
        self.upTo = upTo
        self.from = from
        self.to = to
        self.backwards = backwards
        self.isInGraph = isInGraph
    }

    /// - Parameters:
    ///   - upTo: where the user's sight of the room ends.
    ///   - from: nil for the end, or forwards the beginning, of the timeline.
    init(
        _ snapshot: Snapshot, room: RoomNum, upTo: LogPosition, from: SyncToken?, to: SyncToken?, backwards: Bool
    ) throws {
        func bound(_ token: SyncToken?, else position: LogPosition) -> TopologicalWalk.Bound {
            guard let token else { return .log(position) }
            let position = min(LogPosition(rawValue: token.position), upTo)
            return token.place.map { .graph($0, upTo: position) } ?? .log(position)
        }
        let hasPast = try snapshot.head(of: room).map { $0.backfilledCount > 0 } ?? false
        let isBetweenSyncs = to != nil && to?.place == nil
        self.init(
            snapshot, room: room, upTo: upTo,
            from: bound(from, else: backwards ? upTo : .none), to: bound(to, else: backwards ? .none : upTo),
            backwards: backwards,
            isInGraph: from?.place != nil || to?.place != nil
                || hasPast && (backwards ? !isBetweenSyncs : from == nil))
    }

    /// What is before an event, to be read backwards, and what is behind it.
    static func around(
        _ event: EventRow, at position: LogPosition, _ snapshot: Snapshot, upTo end: LogPosition? = nil
    ) throws -> (before: TimelineStretch, after: TimelineStretch) {
        let newest = end ?? snapshot.newest
        let hasPast = try snapshot.head(of: event.room).map { $0.backfilledCount > 0 } ?? false
        let place = TimelinePlace(depth: event.depth, position: position)
        let before = TimelineStretch(
            snapshot, room: event.room, upTo: newest,
            from: hasPast ? .graph(place, upTo: newest) : .log(position.before), to: .log(.none), backwards: true,
            isInGraph: hasPast)
        let after = TimelineStretch(
            snapshot, room: event.room, upTo: newest,
            from: hasPast ? .graph(place.next, upTo: newest) : .log(position), to: .log(newest), backwards: false,
            isInGraph: hasPast)
        return (before, after)
    }

    func window(
        limit: Int, filter: EventFilter, ignoring ignored: Set<UserNum>, sight: inout RoomSight
    ) throws -> TimelineWindow {
        var request = TimelineWindow.Request(
            after: backwards ? to.position : from.position,
            upTo: min(upTo, backwards ? from.position : to.position), backwards: backwards, limit: limit)
        guard isInGraph else {
            return try TimelineWindow(snapshot, request, filter: filter, ignoring: ignored, sight: &sight)
        }
        request.upTo = upTo
        return try TimelineWindow(
            snapshot, inGraph: (after: backwards ? to : from, before: backwards ? from : to), request, filter: filter,
            ignoring: ignored, sight: &sight)
    }

    // MARK: Tokens

    func start(epoch: UInt64) -> SyncToken {
        switch from {
        case .log(let position): SyncToken(epoch: epoch, position: position.rawValue)
        case .graph(let place, let upTo): SyncToken(epoch: epoch, position: upTo.rawValue, place: place)
        }
    }

    /// The token behind all that was looked at; nil when nothing was.
    func end(of window: TimelineWindow, epoch: UInt64) -> SyncToken? {
        guard let last = window.lastScanned else { return nil }
        guard isInGraph else {
            return SyncToken(epoch: epoch, position: (backwards ? last.before : last).rawValue)
        }
        guard let place = window.lastPlace else { return nil }
        let upTo = backwards ? from.position : upTo
        return SyncToken(epoch: epoch, position: upTo.rawValue, place: backwards ? place : place.next)
    }

    // MARK: Holes

    /// The events that nobody here knows and that those looked at follow, or the one before which the stretch begins.
    func missing(from window: TimelineWindow, limit: Int) throws -> [(missing: EventID, follower: EventID)] {
        guard let head = try snapshot.head(of: room), head.gapCount > 0 else { return [] }
        let first = try follower(of: from)
        var found: [(missing: EventID, follower: EventID)] = []
        for gap in try snapshot.timelineGaps(snapshot.tables, room, limit: Self.mostGaps) where found.count < limit {
            guard try gap.follower == first || isLookedAt(gap.follower, in: window),
                let missing = EventID(gap.missing)
            else { continue }
            found.append((missing, try EventID(parsing: snapshot.event(at: gap.follower).eventID())))
        }
        return found
    }

    private static let mostGaps = 1000

    private func place(of position: LogPosition) throws -> TimelinePlace {
        TimelinePlace(depth: try snapshot.event(at: position).depth, position: position)
    }

    private func isLookedAt(_ position: LogPosition, in window: TimelineWindow) throws -> Bool {
        guard let last = window.lastScanned else { return false }
        guard isInGraph else { return position >= last && position <= from.position }
        let place = try place(of: position)
        return try place >= self.place(of: last) && isBefore(place, from)
    }

    private func isBefore(_ place: TimelinePlace, _ bound: TopologicalWalk.Bound) throws -> Bool {
        switch bound {
        case .log(let position):
            guard place.position > position else { return true }
            return try snapshot.isBackfilled(snapshot.event(at: place.position), at: place.position)
        case .graph(let other, _): return place < other
        }
    }

    /// The event directly behind a bound.
    private func follower(of bound: TopologicalWalk.Bound) throws -> LogPosition? {
        switch bound {
        case .log(let position):
            var found: LogPosition?
            try snapshot.forEach(
                snapshot.tables.timelineOrder, from: ViewKeys.timeline(room, position.next),
                prefix: ViewKeys.room(room), limit: 1
            ) { key, value in
                found = try TimelineEntry(key: key, value: value).position
                return false
            }
            return found
        case .graph(let place, _): return place.position
        }
    }
}

extension TopologicalWalk.Bound {
    /// The position in the log up to which events that did not come late are before it.
    fileprivate var position: LogPosition {
        switch self {
        case .log(let position): position
        case .graph(_, let upTo): upTo
        }
    }
}
