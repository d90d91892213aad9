package import Decisions
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// A PDU that has passed the checks that look at nothing but itself.
package struct ReceivedPDU: Sendable {
    package let held: HeldPDU
    package let version: RoomVersion
    /// Its content hash was wrong: what is left is what a redaction leaves.
    package let isRedacted: Bool
    /// Whether the server of `join_authorised_via_users_server` validly signed it.
    package let isSignedByAuthoriser: Bool

    package init(held: HeldPDU, version: RoomVersion, isRedacted: Bool = false, isSignedByAuthoriser: Bool = true) {
        self.held = held
        self.version = version
        self.isRedacted = isRedacted
        self.isSignedByAuthoriser = isSignedByAuthoriser
    }

    package var pdu: PDU { held.pdu }
    package var eventID: EventID { held.eventID }
    package var isCreate: Bool { pdu.type.hasSameBytes(as: "m.room.create") && pdu.stateKey?.isEmpty == true }
}

/// A PDU of which nothing is recorded.
package struct DroppedPDU: Error, Sendable, Hashable {
    package enum Check: String, Sendable {
        case format
        case signatures
        /// What was said to be the state before it is none.
        case givenState
    }

    package let check: Check
    package let reason: String
}

/// What the signatures on a PDU are worth; whoever has the keys says it.
package struct SignatureOutcome: Sendable, Hashable {
    /// All signatures that the room version demands are there and valid.
    package let isValid: Bool
    package let isSignedByAuthoriser: Bool

    package init(isValid: Bool, isSignedByAuthoriser: Bool = true) {
        self.isValid = isValid
        self.isSignedByAuthoriser = isSignedByAuthoriser
    }

    package static let valid = SignatureOutcome(isValid: true)
}
