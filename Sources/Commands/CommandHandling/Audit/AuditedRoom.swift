import Decisions
import InboundPDU
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import StateResolution

/// One room as an audit knows it: its graph up to the record that is checked.
struct AuditedRoom {
    let roomID: RoomID
    let version: RoomVersion
    private(set) var graph = MemoryRoomGraph()

    /// What recomputing an event's decision gave.
    struct Recomputed {
        let judgement: Judgement
        let before: GraphState
        /// Where an accepted event stands; nil for others.
        let placement: HeadPlacement?
    }

    /// The state that a record says was before its event; nil for an outlier.
    func recordedBefore(_ fact: PDURecorded) throws -> GraphState? {
        if fact.isOutlier { return nil }
        guard let named = fact.stateBefore else { return graph.current }
        var state = GraphState.empty
        if named.origin != .empty {
            let origin = try EventID(parsing: named.eventID)
            state = try named.origin == .after ? graph.state(after: origin) : graph.state(before: origin)
        }
        for change in named.delta {
            guard let slot = graph.slot(type: change.type, stateKey: change.stateKey) else { continue }
            state.overlay[slot] = .some(try change.eventID.map { try number(of: $0) })
        }
        return state
    }

    private func number(of eventID: String) throws -> EventNumber {
        let eventID = try EventID(parsing: eventID)
        guard let number = graph.number(of: eventID) else { throw GraphFault.unknownEventID(eventID) }
        return number
    }

    func recompute(_ event: HeldPDU) throws -> Recomputed {
        let received = ReceivedPDU(held: event, version: version)
        let advance = HeadAdvance(graph: graph, version: version)
        let follows = Set(event.pdu.prevEvents) == Set(graph.forwardExtremities)
        let before = follows ? graph.current : try advance.stateBefore(after: event.pdu.prevEvents).state
        let create = received.isCreate ? nil : try graph.held("m.room.create", "", in: graph.current)
        let judgement = try GraphJudge(graph: graph, room: roomID).judge(received, before: before, create: create)
        var placement: HeadPlacement?
        if judgement.verdict == .accepted {
            placement =
                follows
                ? HeadPlacement(
                    isInTimeline: true, forwardExtremities: [event.eventID], setsOwnEntry: event.pdu.isState,
                    changes: [])
                : try advance.placement(of: event, before: before, after: graph.forwardExtremities)
        }
        return Recomputed(judgement: judgement, before: before, placement: placement)
    }

    /// Goes on with what the record says.
    mutating func append(_ event: HeldPDU, _ fact: PDURecorded, before: GraphState?) throws {
        let isAccepted = fact.verdict == .accepted && !fact.isOutlier
        let extremities = graph.forwardExtremities.filter { !event.pdu.prevEvents.contains($0) } + [event.eventID]
        var changes: [(entry: StateEntry, holder: EventID?)] = []
        if isAccepted, fact.setsOwnEntry, let stateKey = event.pdu.stateKey {
            changes.append((StateEntry(event.pdu.type, stateKey), event.eventID))
        }
        for change in fact.stateDelta {
            changes.append(
                (StateEntry(change.type, change.stateKey), try change.eventID.map { try EventID(parsing: $0) }))
        }
        try graph.append(
            event,
            EventStanding(verdict: fact.verdict, isOutlier: fact.isOutlier),
            before: before,
            extremities: isAccepted ? extremities : graph.forwardExtremities,
            changes: isAccepted ? changes : []
        )
    }

    /// The state events that the rules read of a state, by entry.
    func inputs(
        of event: HeldPDU, in state: GraphState, wanted: [(type: String, stateKey: String)]
    ) throws -> [(entry: StateEntry, eventID: String)] {
        try wanted.compactMap { type, stateKey in
            try graph.held(type, stateKey, in: state).map { (StateEntry(type, stateKey), $0.eventID.rawValue) }
        }
    }
}
