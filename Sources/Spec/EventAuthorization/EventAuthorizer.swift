internal import CanonicalJSON
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// The authorization rules of every room version.
///
/// A pure function of an event and a state. The signatures of servers are checked elsewhere, on receipt ("Passes signature
/// checks"), because that needs keys; the caller says what came of the one signature that a rule asks for.
package enum EventAuthorizer {
    /// Checks an event against a state; returning means that the rules allow it.
    ///
    /// - Parameters:
    ///   - roomID: the room; for a create event of v12 the ID made from `eventID`.
    ///   - state: the state to check against. It holds the create event, also where that is no auth event.
    ///   - createEventID: the ID of the accepted create event, when it is known.
    ///   - authEvents: what the event's `auth_events` name; nil skips the rules about them, which do not depend on the
    ///     state and need to be checked once only.
    ///   - isSignedByAuthoriser: whether the server of `join_authorised_via_users_server` validly signed the event.
    package static func check(
        _ pdu: PDU,
        eventID: EventID,
        roomID: RoomID,
        version: RoomVersion,
        state: some AuthStateReader,
        createEventID: EventID? = nil,
        authEvents: [ResolvedAuthEvent]? = nil,
        isSignedByAuthoriser: Bool = true
    ) throws(AuthRejection) {
        // "1. If type is `m.room.create`:"
        if pdu.type.hasSameBytes(as: "m.room.create") {
            try CreateRules.check(pdu, version: version)
            return
        }
        let numbers = AuthRuleNumbers(version: version)
        guard let create = state.authEvent(type: "m.room.create", stateKey: "") else {
            throw AuthRejection(
                rule: version.roomIDIsCreateHash ? numbers.roomID : "\(numbers.authEvents).4",
                reason: "there is no m.room.create event"
            )
        }
        if version.roomIDIsCreateHash {
            // v12: "If the event's `room_id` is not an event ID for an accepted (not rejected) `m.room.create` event,
            // with the sigil `!` instead of `$`, reject."
            let isCreates = createEventID.map { RoomID(createEventID: $0) == pdu.roomID } ?? true
            guard isCreates, pdu.roomID == roomID else {
                throw AuthRejection(rule: numbers.roomID, reason: "room_id is not made from the m.room.create event")
            }
        }
        let input = AuthorizationInput(
            pdu: pdu,
            eventID: eventID,
            version: version,
            state: state,
            create: create,
            createEventID: createEventID ?? roomID.createEventID,
            isSignedByAuthoriser: isSignedByAuthoriser,
            levels: state.powerLevels ?? parsePowerLevels(of: state, create: create, version: version),
            numbers: numbers
        )
        // "Considering the event's `auth_events`:"
        if let authEvents { try input.checkAuthEvents(authEvents, roomID: roomID) }
        try input.checkByType()
    }

    private static func parsePowerLevels(
        of state: some AuthStateReader, create: PDU, version: RoomVersion
    ) -> PowerLevels {
        let event = state.authEvent(type: "m.room.power_levels", stateKey: "")
        return PowerLevels(content: event?.content, create: create, version: version)
    }
}

extension AuthorizationInput {
    /// The rules from the one about federation on.
    func checkByType() throws(AuthRejection) {
        // "If the `content` of the `m.room.create` event in the room state has the property `m.federate` set to `false`,
        // and the `sender` domain of the event does not match the `sender` domain of the create event, reject."
        if create.content["m.federate"]?.boolValue == false, !pdu.sender.isOn(create.sender.serverName) {
            throw reject(numbers.federate, "the room is not federated")
        }
        // v1 to v5: "If type is `m.room.aliases`:"
        if version.aliasesSpecialAuth, pdu.type.hasSameBytes(as: "m.room.aliases") {
            try checkAliases()
            return
        }
        // "If type is `m.room.member`:"
        if pdu.type.hasSameBytes(as: "m.room.member") {
            try checkMember()
            return
        }
        // "If the `sender`'s current membership state is not `join`, reject."
        guard membership(of: pdu.sender.rawValue) == .join else {
            throw reject(numbers.senderJoined, "the sender is not in the room")
        }
        // "If type is `m.room.third_party_invite`: Allow if and only if `sender`'s current power level is greater than or
        // equal to the *invite level*."
        let senderLevel = senderLevel
        if pdu.type.hasSameBytes(as: "m.room.third_party_invite") {
            guard senderLevel >= levels.invite else {
                throw reject("\(numbers.thirdPartyInvite).1", "the sender's power level is below the invite level")
            }
            return
        }
        // "If the event type's *required power level* is greater than the `sender`'s power level, reject."
        guard senderLevel >= levels.required(forType: pdu.type, isState: pdu.isState) else {
            throw reject(numbers.requiredLevel, "the sender's power level is too low for this event type")
        }
        // "If the event has a `state_key` that starts with an `@` and does not match the `sender`, reject."
        if let stateKey = pdu.stateKey, stateKey.utf8.first == UInt8(ascii: "@"),
            !stateKey.hasSameBytes(as: pdu.sender.rawValue)
        {
            throw reject(numbers.stateKey, "the state key is another user's ID")
        }
        // "If type is `m.room.power_levels`:"
        if pdu.type.hasSameBytes(as: "m.room.power_levels") {
            try checkPowerLevels(senderLevel: senderLevel)
            return
        }
        // v1 and v2: "If type is `m.room.redaction`:"
        if version.redactionAuth, pdu.type.hasSameBytes(as: "m.room.redaction") {
            try checkRedaction(senderLevel: senderLevel)
        }
        // "Otherwise, allow."
    }
}
