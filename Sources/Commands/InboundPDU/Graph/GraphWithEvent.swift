import Decisions
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import StateResolution

/// A graph with one state event more, which is judged but not recorded yet, at least not with its place.
struct GraphWithEvent<Graph: RoomGraph>: RoomGraph {
    let graph: Graph
    private let added: HeldPDU
    private let number: EventNumber
    /// The event was recorded without its place, and keeps its number.
    private let isKnown: Bool
    private let row: AuthIndexRow
    private let addedSlot: StateSlot
    private let addedEntry: StateEntry

    /// - Returns: nil for an event that is no state event.
    init?(_ graph: Graph, adding event: HeldPDU) throws {
        guard let stateKey = event.pdu.stateKey else { return nil }
        self.graph = graph
        added = event
        let known = try graph.number(of: event.eventID)
        isKnown = known != nil
        number = try known ?? graph.nextNumber
        addedEntry = StateEntry(event.pdu.type, stateKey)
        // An entry that no event of the room has had yet gets the last of all numbers for the time being.
        addedSlot = try graph.slot(type: event.pdu.type, stateKey: stateKey) ?? StateSlot(.max)
        let authEvents = try event.pdu.authEvents.compactMap { try graph.number(of: $0) }
        row = AuthIndexRow(pdu: event.pdu, slot: addedSlot, authEvents: authEvents)
    }

    /// The state after the event, given the state before it.
    func stateAfter(_ before: GraphState) -> GraphState {
        before.applying(StateDifference([StateDifference.Change(slot: addedSlot, event: number)]))
    }

    var current: GraphState { graph.current }
    var nextNumber: EventNumber {
        get throws { isKnown ? try graph.nextNumber : EventNumber(number.rawValue + 1) }
    }
    func holder(of slot: StateSlot, asOf base: UInt64) throws -> EventNumber? {
        try graph.holder(of: slot, asOf: base)
    }
    func changedSlots(after start: UInt64, upTo end: UInt64) throws -> Set<StateSlot> {
        try graph.changedSlots(after: start, upTo: end)
    }
    func entry(of slot: StateSlot) throws -> StateEntry { slot == addedSlot ? addedEntry : try graph.entry(of: slot) }
    func standing(of eventID: EventID) throws -> EventStanding? { try graph.standing(of: eventID) }
    func number(of eventID: EventID) throws -> EventNumber? {
        eventID == added.eventID ? number : try graph.number(of: eventID)
    }
    func held(_ eventID: EventID) throws -> HeldPDU? { eventID == added.eventID ? added : try graph.held(eventID) }
    func followers(ofMissing eventID: EventID) throws -> [EventID] { try graph.followers(ofMissing: eventID) }
    func state(before eventID: EventID) throws -> GraphState { try graph.state(before: eventID) }
    func state(after eventID: EventID) throws -> GraphState { try graph.state(after: eventID) }

    // MARK: ResolutionSource

    func authRow(of event: EventNumber) throws -> AuthIndexRow { event == number ? row : try graph.authRow(of: event) }

    func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber] {
        if isKnown { return try graph.citations(of: event, below: bound, limit: limit) }
        if event == number { return [] }
        let isFirst = row.authEvents.contains(event) && bound.map { number < $0 } ?? true && limit > 0
        let others = try graph.citations(of: event, below: bound, limit: isFirst ? limit - 1 : limit)
        return isFirst ? [number] + others : others
    }

    func pdu(of event: EventNumber) throws -> PDU { event == number ? added.pdu : try graph.pdu(of: event) }
    func eventID(of event: EventNumber) throws -> EventID {
        event == number ? added.eventID : try graph.eventID(of: event)
    }
    func slot(type: String, stateKey: String) throws -> StateSlot? {
        try graph.slot(type: type, stateKey: stateKey)
            ?? (StateEntry(type, stateKey) == addedEntry ? addedSlot : nil)
    }
    func createEvent() throws -> EventNumber? { try graph.createEvent() }
}
