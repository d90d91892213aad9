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
    package func named(_ before: ResolvedGraphState, of event: HeldPDU) throws -> PDURecorded.StateBefore? {
        if try graph.difference(from: graph.current, to: before.state).isEmpty { return nil }
        guard let nearest = before.nearest else {
            return PDURecorded.StateBefore(origin: .empty, eventID: "")
        }
        return PDURecorded.StateBefore(
            origin: .after,
            eventID: event.pdu.prevEvents[nearest].rawValue,
            delta: try before.fromNearest.changes.map { try change($0) }
        )
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
        return HeadPlacement(
            isInTimeline: true, forwardExtremities: extremities, setsOwnEntry: setsOwnEntry, changes: changes)
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
