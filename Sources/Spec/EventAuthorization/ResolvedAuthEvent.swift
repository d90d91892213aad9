package import MatrixEvents
package import MatrixIdentifiers

/// An event that `auth_events` names, as far as the rules about `auth_events` look at it.
package struct ResolvedAuthEvent: Sendable {
    package let type: String
    package let stateKey: String?
    package let roomID: RoomID
    /// Whether it was rejected itself.
    package let isRejected: Bool

    package init(type: String, stateKey: String?, roomID: RoomID, isRejected: Bool) {
        self.type = type
        self.stateKey = stateKey
        self.roomID = roomID
        self.isRejected = isRejected
    }

    /// Resolves a name to the PDU found under it.
    package init(pdu: PDU, eventID: EventID, isRejected: Bool) {
        self.init(
            type: pdu.type,
            stateKey: pdu.stateKey,
            roomID: pdu.effectiveRoomID(eventID: eventID),
            isRejected: isRejected
        )
    }
}
