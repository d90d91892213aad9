package import MatrixEvents
internal import MatrixIdentifiers

/// What the auth index keeps of one state event: its auth events, and what ordering needs, so that walking the auth events
/// and sorting reads no PDU.
///
/// Rows are appended in log order and change never, except for `isRejected`, which is known when the row is written.
package struct AuthIndexRow: Hashable, Sendable {
    package let slot: StateSlot
    package let originServerTS: Int64
    /// The numbers of its `auth_events`, in their order.
    package let authEvents: [EventNumber]
    package let isPowerEvent: Bool
    /// Whether it was rejected; it is then not used in the place of what a state lacks.
    package var isRejected: Bool

    package init(
        slot: StateSlot,
        originServerTS: Int64,
        authEvents: [EventNumber],
        isPowerEvent: Bool,
        isRejected: Bool
    ) {
        self.slot = slot
        self.originServerTS = originServerTS
        self.authEvents = authEvents
        self.isPowerEvent = isPowerEvent
        self.isRejected = isRejected
    }

    /// Makes the row of a state event whose auth events have their numbers already.
    package init(pdu: PDU, slot: StateSlot, authEvents: [EventNumber], isRejected: Bool = false) {
        self.init(
            slot: slot,
            originServerTS: pdu.originServerTS,
            authEvents: authEvents,
            isPowerEvent: Self.isPowerEvent(pdu),
            isRejected: isRejected
        )
    }

    /// "A *power event* is a state event with type `m.room.power_levels` or `m.room.join_rules`, or a state event with type
    /// `m.room.member` where the `membership` is `leave` or `ban` and the `sender` does not match the `state_key`."
    package static func isPowerEvent(_ pdu: PDU) -> Bool {
        guard let stateKey = pdu.stateKey else { return false }
        if pdu.type.hasSameBytes(as: "m.room.power_levels") || pdu.type.hasSameBytes(as: "m.room.join_rules") {
            return true
        }
        guard pdu.type.hasSameBytes(as: "m.room.member"), !pdu.sender.rawValue.hasSameBytes(as: stateKey) else {
            return false
        }
        let membership = Membership(content: pdu.content)
        return membership == .leave || membership == .ban
    }
}
