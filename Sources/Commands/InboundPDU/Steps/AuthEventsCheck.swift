import Decisions
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

/// "4. Passes authorisation rules based on the event's auth events, otherwise it is rejected."
struct AuthEventsCheck {
    /// An event that `auth_events` names.
    struct Named {
        let event: HeldPDU
        let isRejected: Bool
    }

    let received: ReceivedPDU
    let room: RoomID
    /// The room's create event, which from v12 on no `auth_events` name.
    let create: HeldPDU?

    func check(_ named: [Named]) throws(AuthRejection) {
        let state = SelectedState(
            events: named.map(\.event), create: received.version.createNotInAuthEvents ? create : nil,
            powerLevels: nil)
        let authEvents = named.map {
            ResolvedAuthEvent(pdu: $0.event.pdu, eventID: $0.event.eventID, isRejected: $0.isRejected)
        }
        try EventAuthorizer.check(
            received.pdu, eventID: received.eventID, roomID: room, version: received.version, state: state,
            authEvents: authEvents, isSignedByAuthoriser: received.isSignedByAuthoriser)
    }
}
