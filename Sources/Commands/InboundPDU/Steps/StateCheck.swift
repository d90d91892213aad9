import Decisions
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers

/// "5. Passes authorisation rules based on the state before the event, otherwise it is rejected."
///
/// "6. Passes authorisation rules based on the current state of the room, otherwise it is 'soft failed'."
///
/// The same question about two states.
struct StateCheck {
    let received: ReceivedPDU
    let room: RoomID

    /// - Parameters:
    ///   - levels: the power levels of the state, when they are parsed already.
    ///   - holder: the event that holds an entry of the state.
    /// - Throws: `AuthRejection`, or what reading throws.
    func check(levels: PowerLevels? = nil, _ holder: (StateEntry) throws -> HeldPDU?) throws {
        var events: [HeldPDU] = []
        for (type, stateKey) in AuthEventSelection.keys(for: received.pdu, version: received.version) {
            if let held = try holder(StateEntry(type, stateKey)) { events.append(held) }
        }
        let create = received.isCreate ? nil : try holder(StateEntry("m.room.create", ""))
        let state = SelectedState(events: events, create: create, powerLevels: levels)
        try EventAuthorizer.check(
            received.pdu, eventID: received.eventID, roomID: room, version: received.version, state: state,
            isSignedByAuthoriser: received.isSignedByAuthoriser)
    }
}
