package import MatrixEvents
package import MatrixIdentifiers

/// Where the resolver reads what it needs of one room, synchronously; what a read throws ends the resolution.
///
/// The auth index is two things: a row for each state event, and for each state event the state events that cite it among
/// their auth events. Both only ever grow at the end.
package protocol ResolutionSource {
    /// The row of a state event.
    func authRow(of event: EventNumber) throws -> AuthIndexRow

    /// State events whose `auth_events` name `event`, newest (greatest number) first.
    ///
    /// - Parameters:
    ///   - bound: only those with a smaller number; nil for all.
    ///   - limit: at most so many; fewer are answered only when there are no more.
    func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber]

    /// The PDU of a state event.
    func pdu(of event: EventNumber) throws -> PDU

    /// The ID of a state event.
    func eventID(of event: EventNumber) throws -> EventID

    /// The slot of a pair of event type and state key; nil when the room never had such an event.
    func slot(type: String, stateKey: String) throws -> StateSlot?

    /// The room's create event, which from v12 on no `auth_events` name.
    func createEvent() throws -> EventNumber?
}
