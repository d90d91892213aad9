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
        var state: GraphState
        switch named.origin {
        case .empty: state = .empty
        case .after: state = try graph.state(after: EventID(parsing: named.eventID))
        case .before: state = try graph.state(before: EventID(parsing: named.eventID))
        case .itself:
            state = graph.current
            try apply(fact.stateDelta, to: &state)
        }
        try apply(named.delta, to: &state)
        return state
    }

    private func apply(_ changes: [PDURecorded.StateChange], to state: inout GraphState) throws {
        for change in changes {
            guard let slot = graph.slot(type: change.type, stateKey: change.stateKey) else { continue }
            state.overlay[slot] = .some(try change.eventID.map { try number(of: $0) })
        }
    }

    private func number(of eventID: String) throws -> EventNumber {
        let eventID = try EventID(parsing: eventID)
        guard let number = graph.number(of: eventID) else { throw GraphFault.unknownEventID(eventID) }
        return number
    }

    /// The verdict on an event of which nobody knows the place.
    func recomputeOutlier(_ event: HeldPDU) throws -> Judgement {
        let received = ReceivedPDU(held: event, version: version)
        let create = try received.isCreate ? nil : graph.createEvent().map { try held($0) }
        return try GraphJudge(graph: graph, room: roomID).judgeOutlier(received, create: create)
    }

    private func held(_ event: EventNumber) throws -> HeldPDU {
        HeldPDU(pdu: try graph.pdu(of: event), eventID: try graph.eventID(of: event))
    }

    /// - Parameter recorded: the state before the event as the record says, for when only the server that gave it could tell.
    func recompute(_ event: HeldPDU, _ fact: PDURecorded, recorded: GraphState) throws -> Recomputed {
        let received = ReceivedPDU(held: event, version: version)
        let advance = HeadAdvance(graph: graph, version: version)
        let isPast = fact.adopts || fact.isBackfilled
        let follows = !isPast && Set(event.pdu.prevEvents) == Set(graph.forwardExtremities)
        let isGiven = try fact.adopts || !event.pdu.prevEvents.allSatisfy { try graph.hasPlace($0) }
        var before = recorded
        if follows {
            before = graph.current
        } else if !isGiven {
            before = try advance.stateBefore(after: event.pdu.prevEvents).state
        }
        let create = try received.isCreate ? nil : graph.createEvent().map { try held($0) }
        let judgement = try GraphJudge(graph: graph, room: roomID).judge(
            received, before: before, create: create, isPast: isPast)
        guard judgement.verdict == .accepted else {
            return Recomputed(judgement: judgement, before: before, placement: nil)
        }
        let placement: HeadPlacement
        if fact.adopts {
            placement = try adoption(of: event, before: before)
        } else if fact.isBackfilled {
            placement = try advance.placementOfPast(event, after: graph.forwardExtremities)
        } else if follows {
            placement = HeadPlacement(
                isInTimeline: true, forwardExtremities: [event.eventID], setsOwnEntry: event.pdu.isState, changes: [])
        } else {
            placement = try advance.placement(of: event, before: before, after: graph.forwardExtremities)
        }
        return Recomputed(judgement: judgement, before: before, placement: placement)
    }

    /// Where the join by which the room was adopted stands.
    private func adoption(of event: HeldPDU, before: GraphState) throws -> HeadPlacement {
        let own = StateEntry(event.pdu.type, event.pdu.stateKey ?? "")
        let changes = try graph.difference(from: graph.current, to: before).changes.map { change in
            (entry: try graph.entry(of: change.slot), holder: try change.event.map { try graph.eventID(of: $0) })
        }
        return HeadPlacement(
            isInTimeline: true, forwardExtremities: [event.eventID], setsOwnEntry: true,
            changes: changes.filter { $0.entry != own })
    }

    /// Whether known events follow this one, which came after them.
    func isFollowed(_ event: HeldPDU) -> Bool { !graph.followers(ofMissing: event.eventID).isEmpty }

    private func extremities(after event: HeldPDU, _ fact: PDURecorded) -> [EventID] {
        guard fact.verdict == .accepted, !fact.isOutlier else { return graph.forwardExtremities }
        if fact.adopts { return [event.eventID] }
        let others = graph.forwardExtremities.filter { !event.pdu.prevEvents.contains($0) }
        guard fact.isBackfilled else { return others + [event.eventID] }
        return others.isEmpty ? graph.forwardExtremities : others
    }

    /// Goes on with what the record says.
    mutating func append(_ event: HeldPDU, _ fact: PDURecorded, before: GraphState?) throws {
        let isAccepted = fact.verdict == .accepted && !fact.isOutlier
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
            adopts: fact.adopts,
            extremities: extremities(after: event, fact),
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
