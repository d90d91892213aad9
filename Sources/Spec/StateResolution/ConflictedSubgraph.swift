/// The conflicted state subgraph (v2.1).
///
/// "Starting from an event in the *conflicted state set* and following `auth_events` edges may lead to another event in the
/// conflicted state set. The union of all such paths between any pair of events in the conflicted state set (including
/// endpoints) forms a subgraph of the original `auth_event` graph, called the *conflicted state subgraph*."
///
/// Each path has a lower end. From an event that little depends on, such as an ordinary member's, all paths upwards are
/// followed along the citations. From the others (power levels, moderators' memberships), which half the room depends on,
/// that would be far too much: for them the auth events are walked down from the upper ends, but not below the oldest of them.
struct ConflictedSubgraph {
    private struct Ascent {
        let event: EventNumber
        var unfollowed: [EventNumber] = []
        var isExhausted = false
        var leadsToUpperEnd: Bool
    }

    private let reader: ResolutionReader
    private let upperEnds: Set<EventNumber>
    private let limit: EventNumber?
    private let ascentLimit: Int
    /// For each event from which all ways up were followed, whether one leads to an upper end.
    private var leadsUp: [EventNumber: Bool] = [:]
    private var subgraph: Set<EventNumber> = []
    /// Events from which there are too many ways up.
    private var steep: Set<EventNumber> = []

    private init(from upperEnds: Set<EventNumber>, reader: ResolutionReader, ascentLimit: Int) {
        self.reader = reader
        self.ascentLimit = ascentLimit
        self.upperEnds = upperEnds
        limit = upperEnds.max().flatMap { $0.rawValue < .max ? EventNumber($0.rawValue + 1) : nil }
    }

    /// Finds all events on paths from one of the upper ends to one of the lower ends.
    ///
    /// - Parameter ascentLimit: how many events may be visited above one lower end.
    static func find(
        from upperEnds: Set<EventNumber>, to lowerEnds: some Sequence<EventNumber>, reader: ResolutionReader,
        ascentLimit: Int = 64
    ) throws -> Set<EventNumber> {
        guard !upperEnds.isEmpty else { return [] }
        var search = ConflictedSubgraph(from: upperEnds, reader: reader, ascentLimit: ascentLimit)
        var walkedTo: Set<EventNumber> = []
        for event in lowerEnds where try !search.ascend(from: event) { walkedTo.insert(event) }
        try search.descend(to: walkedTo)
        return search.subgraph
    }

    /// Follows all ways up; answers false when there are too many of them.
    private mutating func ascend(from event: EventNumber) throws -> Bool {
        guard leadsUp[event] == nil else { return true }
        guard !steep.contains(event) else { return false }
        var visits = 1
        var path = [Ascent(event: event, leadsToUpperEnd: upperEnds.contains(event))]
        while let top = path.indices.last {
            if let next = path[top].unfollowed.popLast() {
                if let known = leadsUp[next] {
                    if known { path[top].leadsToUpperEnd = true }
                    continue
                }
                visits += 1
                guard visits <= ascentLimit, !steep.contains(next) else {
                    steep.insert(event)
                    return false
                }
                path.append(Ascent(event: next, leadsToUpperEnd: upperEnds.contains(next)))
                continue
            }
            if !path[top].isExhausted {
                let page = try reader.citations(of: path[top].event, below: limit, limit: ascentLimit)
                guard page.count < ascentLimit else {
                    steep.formUnion(path.map(\.event))
                    return false
                }
                path[top].isExhausted = true
                path[top].unfollowed = page
                continue
            }
            let done = path.removeLast()
            leadsUp[done.event] = done.leadsToUpperEnd
            guard done.leadsToUpperEnd else { continue }
            subgraph.insert(done.event)
            if let below = path.indices.last { path[below].leadsToUpperEnd = true }
        }
        return true
    }

    /// Walks down from the upper ends to the oldest of the lower ends, and keeps what reaches one of them.
    private mutating func descend(to lowerEnds: Set<EventNumber>) throws {
        guard let oldest = lowerEnds.min() else { return }
        var visited: Set<EventNumber> = []
        var pending: [EventNumber] = []
        for event in upperEnds where event >= oldest {
            visited.insert(event)
            pending.append(event)
        }
        while let event = pending.popLast() {
            for authEvent in try reader.row(of: event).authEvents where authEvent >= oldest {
                if visited.insert(authEvent).inserted { pending.append(authEvent) }
            }
        }
        var reaching: Set<EventNumber> = []
        for event in visited.sorted() {
            let reaches =
                try lowerEnds.contains(event)
                || reader.row(of: event).authEvents.contains { reaching.contains($0) }
            if reaches { reaching.insert(event) }
        }
        subgraph.formUnion(reaching)
    }
}
