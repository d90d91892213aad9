internal import EventAuthorization
internal import MatrixEvents
internal import MatrixIdentifiers

extension NaiveResolution {
    /// "The *iterative auth checks algorithm* takes as input an initial room state and a sorted list of state events, and
    /// constructs a new room state by iterating through the event list and applying the state event to the room state if the
    /// state event is allowed by the authorisation rules. If the state event is not allowed by the authorisation rules, then
    /// the event is ignored."
    mutating func iterativeAuthChecks(from initial: NaiveState, _ list: [EventID]) -> NaiveState {
        var state = initial
        for eventID in list {
            guard let pdu = events[eventID], let entry = NaiveStateKey(pdu) else { continue }
            if isAllowed(pdu, eventID, in: state, usesOwnAuthEvents: true) {
                state[entry] = eventID
            } else {
                trace.refused += 1
            }
        }
        return state
    }

    /// Whether the authorisation rules allow an event in a state.
    mutating func isAllowed(_ pdu: PDU, _ eventID: EventID, in state: NaiveState, usesOwnAuthEvents: Bool) -> Bool {
        let reader = NaiveAuthState(resolution: self, state: state, pdu: usesOwnAuthEvents ? pdu : nil)
        let create = createByRoomID ?? reader.eventID(NaiveStateKey("m.room.create"))
        var isAllowed = true
        do throws(AuthRejection) {
            try EventAuthorizer.check(
                pdu, eventID: eventID, roomID: roomID, version: version, state: reader, createEventID: create)
        } catch {
            isAllowed = false
        }
        countFallBacks(of: pdu, in: state, usesOwnAuthEvents: usesOwnAuthEvents)
        return isAllowed
    }

    private mutating func countFallBacks(of pdu: PDU, in state: NaiveState, usesOwnAuthEvents: Bool) {
        guard usesOwnAuthEvents else { return }
        for (type, stateKey) in AuthEventSelection.keys(for: pdu, version: version) {
            let entry = NaiveStateKey(type, stateKey)
            guard state[entry] == nil, let own = authEvent(entry, of: pdu) else { continue }
            if rejected.contains(own) { trace.rejectedAuthEvents += 1 } else { trace.fallBacks += 1 }
        }
    }
}

/// A room state with the sentence about what is missing from it.
private struct NaiveAuthState: AuthStateReader {
    let resolution: NaiveResolution
    let state: NaiveState
    /// The event whose auth events stand in for missing entries.
    let pdu: PDU?

    func authEvent(type: String, stateKey: String) -> PDU? {
        eventID(NaiveStateKey(type, stateKey)).flatMap { resolution.events[$0] }
    }

    func eventID(_ entry: NaiveStateKey) -> EventID? {
        if let present = state[entry] { return present }
        // "If a `(event_type, state_key)` key that is required for checking the authorisation rules is not present in the
        // state, then the appropriate state event from the event's `auth_events` is used if the auth event is not
        // rejected."
        if let own = pdu.flatMap({ resolution.authEvent(entry, of: $0) }), !resolution.rejected.contains(own) {
            return own
        }
        // v12: the create event is no auth event; the room ID names it.
        return entry == NaiveStateKey("m.room.create") ? resolution.createByRoomID : nil
    }
}
