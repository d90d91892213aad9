package import Decisions
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions
import StateResolution

/// The state before an event, the forward extremities after it and the newly resolved current state.
package struct HeadAdvance<Graph: RoomGraph> {
    private let graph: Graph
    private let version: RoomVersion

    package init(graph: Graph, version: RoomVersion) {
        self.graph = graph
        self.version = version
    }

    /// The state before an event: "the resolved state of the states after its `prev_events`".
    package func stateBefore(after previous: [EventID]) throws -> ResolvedGraphState {
        try graph.resolve(try previous.map { try graph.state(after: $0) }, version: version)
    }

    /// How the record names it; nil when it is the room's current state.
    ///
    /// - Parameter always: also when it is the room's current state, as for an event of the past, where that is chance.
    package func named(
        _ before: ResolvedGraphState, of event: HeldPDU, always: Bool = false
    ) throws -> PDURecorded.StateBefore? {
        if try !always && graph.difference(from: graph.current, to: before.state).isEmpty { return nil }
        guard let nearest = before.nearest else {
            return PDURecorded.StateBefore(origin: .empty, eventID: "")
        }
        return PDURecorded.StateBefore(
            origin: .after,
            eventID: event.pdu.prevEvents[nearest].rawValue,
            delta: try before.fromNearest.changes.map { try change($0) }
        )
    }

    /// How the record names a state that another server gave: by the nearest of some states that are known here.
    ///
    /// - Parameters:
    ///   - after: events the states after which it may be near to.
    ///   - before: events the states before which it may be near to.
    package func named(
        given: GraphState, nearAfter after: [EventID], nearBefore before: [EventID]
    ) throws -> PDURecorded.StateBefore {
        var best: (name: PDURecorded.StateBefore.Origin, eventID: EventID?, changes: [StateDifference.Change])?
        func consider(_ origin: PDURecorded.StateBefore.Origin, _ eventID: EventID?, _ state: GraphState) throws {
            let changes = try graph.difference(from: state, to: given).changes
            if let best, best.changes.count <= changes.count { return }
            best = (origin, eventID, changes)
        }
        for eventID in after.prefix(Self.mostCandidates) { try consider(.after, eventID, graph.state(after: eventID)) }
        for eventID in before.prefix(Self.mostCandidates) {
            try consider(.before, eventID, graph.state(before: eventID))
        }
        if best == nil { try consider(.empty, nil, .empty) }
        return PDURecorded.StateBefore(
            origin: best?.name ?? .empty, eventID: best?.eventID?.rawValue ?? "",
            delta: try best?.changes.map { try change($0) } ?? [])
    }

    /// Comparing a given state costs as much as it is large.
    private static var mostCandidates: Int { 4 }

    /// Where an accepted event of the room's past stands: it is followed by what is known, so it is no forward extremity, and
    /// what it follows is none either.
    package func placementOfPast(_ event: HeldPDU, after extremities: [EventID]) throws -> HeadPlacement {
        let others = extremities.filter { !event.pdu.prevEvents.contains($0) }
        // Where events choose their own ids they may follow each other in a circle: some end must be left.
        if others.isEmpty || others.count == extremities.count {
            return HeadPlacement(
                isInTimeline: true, isPast: true, forwardExtremities: extremities, setsOwnEntry: false, changes: [])
        }
        let resolved = try graph.resolve(try others.map { try graph.state(after: $0) }, version: version).state
        let (setsOwnEntry, changes) = try changes(to: resolved, by: event, in: graph)
        return HeadPlacement(
            isInTimeline: true, isPast: true, forwardExtremities: others, setsOwnEntry: setsOwnEntry, changes: changes)
    }

    /// Where an accepted event stands when the head had these forward extremities.
    package func placement(
        of event: HeldPDU, before: GraphState, after extremities: [EventID]
    ) throws -> HeadPlacement {
        // "forward extremities … events that are not referenced by other events"
        let next = extremities.filter { !event.pdu.prevEvents.contains($0) } + [event.eventID]
        guard let extended = try GraphWithEvent(graph, adding: event) else {
            return try placement(of: event, after: before, next, in: graph)
        }
        return try placement(of: event, after: extended.stateAfter(before), next, in: extended)
    }

    private func placement<Extended: RoomGraph>(
        of event: HeldPDU, after: GraphState, _ extremities: [EventID], in graph: Extended
    ) throws -> HeadPlacement {
        var resolved = after
        if extremities.count > 1 {
            let states = try extremities.map { $0 == event.eventID ? after : try graph.state(after: $0) }
            resolved = try graph.resolve(states, version: version).state
        }
        let (setsOwnEntry, changes) = try changes(to: resolved, by: event, in: graph)
        return HeadPlacement(
            isInTimeline: true, forwardExtremities: extremities, setsOwnEntry: setsOwnEntry, changes: changes)
    }

    private func changes<Extended: RoomGraph>(
        to resolved: GraphState, by event: HeldPDU, in graph: Extended
    ) throws -> (setsOwnEntry: Bool, changes: [(entry: StateEntry, holder: EventID?)]) {
        var setsOwnEntry = false
        var changes: [(entry: StateEntry, holder: EventID?)] = []
        for change in try graph.difference(from: graph.current, to: resolved).changes {
            let holder = try change.event.map { try graph.eventID(of: $0) }
            if holder == event.eventID {
                setsOwnEntry = true
            } else {
                changes.append((try graph.entry(of: change.slot), holder))
            }
        }
        return (setsOwnEntry, changes)
    }

    private func change(_ change: StateDifference.Change) throws -> PDURecorded.StateChange {
        let entry = try graph.entry(of: change.slot)
        return PDURecorded.StateChange(
            type: entry.type,
            stateKey: entry.stateKey,
            eventID: try change.event.map { try graph.eventID(of: $0).rawValue }
        )
    }
}
