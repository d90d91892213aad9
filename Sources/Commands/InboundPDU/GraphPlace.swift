import Decisions
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import StateResolution

/// What is known of the place of an event that this server asked others for.
package struct PastPlace: Sendable {
    /// It came with others that precede what is known: it is of the room's past, whatever it follows.
    package var isBackfilled: Bool
    /// The events that hold the state before it, as another server says, for when that cannot be computed here.
    package var stateBefore: [EventID]?
    /// Known events that it precedes: the state before it is near to the states before these.
    package var followers: [EventID]

    package init(isBackfilled: Bool = false, stateBefore: [EventID]? = nil, followers: [EventID] = []) {
        self.isBackfilled = isBackfilled
        self.stateBefore = stateBefore
        self.followers = followers
    }

    /// "state … The fully resolved state of the room": so many entries are believed.
    package static let mostEntries = 500_000
}

/// Where an event stands that does not follow the whole head: the state before it, and whether it is of the past.
struct GraphPlace {
    let before: GraphState
    /// How the record names it; nil for the room's current state.
    let name: PDURecorded.StateBefore?
    /// It is followed by what is known: it is no forward extremity.
    let isPast: Bool

    init(
        _ received: ReceivedPDU, _ past: PastPlace, head extremities: [EventID], in graph: some RoomGraph
    ) throws {
        let advance = HeadAdvance(graph: graph, version: received.version)
        let followers = try graph.followers(ofMissing: received.eventID)
        isPast = past.isBackfilled || !followers.isEmpty
        let isComputable = try received.pdu.prevEvents.allSatisfy { try graph.hasPlace($0) }
        if !isComputable, let given = past.stateBefore {
            before = try graph.state(given: given)
            let isCurrent = try !isPast && graph.difference(from: graph.current, to: before).isEmpty
            name =
                isCurrent
                ? nil
                : try advance.named(
                    given: before, nearAfter: isPast ? [] : extremities, nearBefore: followers + past.followers)
        } else {
            let resolved = try advance.stateBefore(after: received.pdu.prevEvents)
            before = resolved.state
            name = try advance.named(resolved, of: received.held, always: isPast)
        }
    }
}

extension RoomGraph {
    /// Whether the state at an event is known.
    package func hasPlace(_ eventID: EventID) throws -> Bool {
        try standing(of: eventID).map { !$0.isOutlier } ?? false
    }

    /// A state that another server gave as the events that hold its entries. Rejected ones hold nothing.
    ///
    /// - Throws: `DroppedPDU` for what can be no state of this room.
    func state(given events: [EventID]) throws -> GraphState {
        func refuse(_ reason: String) -> DroppedPDU { DroppedPDU(check: .givenState, reason: reason) }
        guard events.count <= PastPlace.mostEntries else { throw refuse("the state before it has too many entries") }
        var whole = GraphState.empty
        for eventID in events {
            guard let standing = try standing(of: eventID) else { throw GraphFault.unknownEventID(eventID) }
            if standing.verdict == .rejected { continue }
            guard let number = try number(of: eventID) else { throw refuse("\(eventID) is no state event") }
            let slot = try authRow(of: number).slot
            if let other = whole.overlay[slot], other != number {
                throw refuse("two events hold one entry of the state before it")
            }
            whole.overlay[slot] = .some(number)
        }
        guard let create = try createEvent(), whole.overlay[try authRow(of: create).slot] == .some(create) else {
            throw refuse("the state before it is without the room's create event")
        }
        return current.applying(try difference(from: current, to: whole))
    }
}
