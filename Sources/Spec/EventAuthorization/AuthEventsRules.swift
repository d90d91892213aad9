internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

extension AuthorizationInput {
    /// The rules under "Considering the event's `auth_events`".
    func checkAuthEvents(_ authEvents: [ResolvedAuthEvent], roomID: RoomID) throws(AuthRejection) {
        let rule = numbers.authEvents
        let selected = AuthEventSelection.keys(for: pdu, version: version)
        var hasCreate = false
        var seen: [(type: String, stateKey: String)] = []
        for event in authEvents {
            // What is no state event matches no selected pair.
            guard let stateKey = event.stateKey else {
                throw reject("\(rule).2", "auth_events names an event that is no state event")
            }
            // "If there are duplicate entries for a given `type` and `state_key` pair, reject."
            if contains(seen, event.type, stateKey) {
                throw reject("\(rule).1", "auth_events has two events for the same entry of the state")
            }
            seen.append((event.type, stateKey))
            // "If there are entries whose `type` and `state_key` don't match those specified by the auth events selection
            // algorithm described in the server specification, reject."
            guard contains(selected, event.type, stateKey) else {
                throw reject("\(rule).2", "auth_events names an event that does not authorise this one")
            }
            // "If there are entries which were themselves rejected under the checks performed on receipt of a PDU,
            // reject."
            if event.isRejected { throw reject("\(rule).3", "an event in auth_events was rejected") }
            if event.type.hasSameBytes(as: "m.room.create") { hasCreate = true }
        }
        // v1 to v11: "If there is no `m.room.create` event among the entries, reject."
        if !version.createNotInAuthEvents, !hasCreate {
            throw reject("\(rule).4", "auth_events has no m.room.create event")
        }
        // "If any event in `auth_events` has a `room_id` which does not match that of the event being authorised, reject."
        guard authEvents.allSatisfy({ $0.roomID == roomID }) else {
            throw reject(
                "\(rule).\(version.createNotInAuthEvents ? 4 : 5)", "an event in auth_events is of another room")
        }
    }

    private func contains(_ pairs: [(type: String, stateKey: String)], _ type: String, _ stateKey: String) -> Bool {
        pairs.contains { $0.type.hasSameBytes(as: type) && $0.stateKey.hasSameBytes(as: stateKey) }
    }
}
