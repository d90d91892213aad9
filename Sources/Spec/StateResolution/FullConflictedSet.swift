internal import RoomVersions

/// The full conflicted set, and the part of the auth graph between its events.
struct FullConflictedSet {
    let events: Set<EventNumber>
    /// Events that are not in the set and lie between two that are (v2). v2.1 has none of them.
    let between: Set<EventNumber>

    init(of states: ConflictedState, reader: ResolutionReader) throws {
        var conflicted: [EventNumber: Int] = [:]
        for slot in states.slots where slot.isConflicted {
            for candidate in slot.candidates {
                guard try reader.row(of: candidate.event).slot == slot.slot else {
                    throw ResolutionError.wrongSlot(candidate.event, slot.slot)
                }
                conflicted[candidate.event] = candidate.mask
            }
        }
        let difference = try AuthDifference.find(in: states, conflicted: conflicted, reader: reader)
        var events = Set(conflicted.keys)
        switch reader.version.stateResolution {
        case .v2_1:
            // v12: "The *full conflicted set* is the union of the conflicted state set, the conflicted state subgraph, and
            // the auth difference."
            events.formUnion(
                try ConflictedSubgraph.find(from: events, to: conflicted.keys, reader: reader))
            events.formUnion(difference)
            between = []
        case .v1, .v2:
            // "The *full conflicted set* is the union of the conflicted state set and the auth difference."
            events.formUnion(difference)
            // A power event's auth chain may come to a conflicted event by way of events outside the set.
            let upperEnds = try events.filter { try reader.row(of: $0).isPowerEvent }
            let lowerEnds = conflicted.keys.filter { !upperEnds.contains($0) }
            between = try ConflictedSubgraph.find(from: upperEnds, to: lowerEnds, reader: reader).subtracting(events)
        }
        self.events = events
    }
}
