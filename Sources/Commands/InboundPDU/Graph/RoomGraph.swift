package import Decisions
package import LogEvents
package import MatrixIdentifiers
package import StateResolution

/// The graph of one room as deciding about PDUs reads it: every state that there was, and the auth index.
///
/// The resolver reads the same object. Everything is a look-up; what is walked is bounded by what differs.
package protocol RoomGraph: ResolutionSource {
    /// The room's current state.
    var current: GraphState { get }
    /// The number that the next state event would get.
    var nextNumber: EventNumber { get throws }
    /// The event that held an entry of the current state at a point of the room's order.
    func holder(of slot: StateSlot, asOf base: UInt64) throws -> EventNumber?
    /// The entries that changed in the current state between two points.
    func changedSlots(after start: UInt64, upTo end: UInt64) throws -> Set<StateSlot>
    func entry(of slot: StateSlot) throws -> StateEntry
    /// How an event was judged; nil when it was never recorded in this room.
    func standing(of eventID: EventID) throws -> EventStanding?
    /// The number of a recorded state event.
    func number(of eventID: EventID) throws -> EventNumber?
    /// The PDU of a recorded event.
    func held(_ eventID: EventID) throws -> HeldPDU?
    /// The events of the timeline that follow one that is not known.
    func followers(ofMissing eventID: EventID) throws -> [EventID]
    /// The state before a recorded event that is no outlier.
    func state(before eventID: EventID) throws -> GraphState
    /// The state after a recorded event that is no outlier.
    func state(after eventID: EventID) throws -> GraphState
}

/// How an event was judged when it was recorded.
package struct EventStanding: Hashable, Sendable {
    package let verdict: PDURecorded.Verdict
    /// Known without its place in the graph: nobody knows the state at it.
    package let isOutlier: Bool

    package init(verdict: PDURecorded.Verdict, isOutlier: Bool) {
        self.verdict = verdict
        self.isOutlier = isOutlier
    }
}

/// The room's graph contradicts itself.
package enum GraphFault: Error, Sendable, Hashable {
    case unknownSlot(StateSlot)
    case unknownEvent(EventNumber)
    case unknownEventID(EventID)
}
