internal import EventAuthorization
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// The iterative auth checks, and the state that they build.
final class IterativeAuthChecks {
    private let reader: ResolutionReader
    /// What the state begins with; nil is an empty state.
    private let beginning: ConflictedState?
    /// What the checks have put into the state.
    private(set) var applied: [StateSlot: EventNumber] = [:]

    /// - Parameter beginning: the states whose unconflicted state map the checks start from; nil for an empty state.
    init(startingFrom beginning: ConflictedState?, reader: ResolutionReader) {
        self.beginning = beginning
        self.reader = reader
    }

    /// What the state has in a slot.
    func event(at slot: StateSlot) throws -> EventNumber? {
        try applied[slot] ?? beginning?.unconflictedEvent(at: slot)
    }

    /// Puts an event into the state without a check.
    func apply(_ event: EventNumber) throws {
        applied[try reader.row(of: event).slot] = event
    }

    /// Takes an event out of the state.
    func withdraw(_ event: EventNumber) throws {
        applied[try reader.row(of: event).slot] = nil
    }

    /// "constructs a new room state by iterating through the event list and applying the state event to the room state if the
    /// state event is allowed by the authorisation rules. […] If the state event is not allowed by the authorisation rules,
    /// then the event is ignored."
    func apply(_ events: [EventNumber]) throws {
        for event in events where try isAllowed(event, usingAuthEvents: true) { try apply(event) }
    }

    /// Whether the rules allow an event in the state as it is.
    func isAllowed(_ event: EventNumber, usingAuthEvents: Bool) throws -> Bool {
        let pdu = try reader.pdu(of: event)
        let eventID = try reader.eventID(of: event)
        let row = try reader.row(of: event)
        let state = CheckedState(of: row.authEvents, usesAuthEvents: usingAuthEvents, checks: self, reader: reader)
        let roomID =
            reader.version.roomIDIsCreateHash
            ? RoomID(createEventID: reader.createEventID ?? eventID) : pdu.effectiveRoomID(eventID: eventID)
        let isAllowed: Bool
        do throws(AuthRejection) {
            try EventAuthorizer.check(
                pdu, eventID: eventID, roomID: roomID, version: reader.version, state: state,
                createEventID: state.createEventID)
            isAllowed = true
        } catch {
            isAllowed = false
        }
        // A verdict on what could not be read is none.
        if let fault = state.fault { throw fault }
        return isAllowed
    }
}

/// The state as one event is judged by it.
private final class CheckedState: AuthStateReader {
    private let authEvents: [EventNumber]
    private let usesAuthEvents: Bool
    private let checks: IterativeAuthChecks
    private let reader: ResolutionReader
    private(set) var fault: (any Error)?

    init(
        of authEvents: [EventNumber], usesAuthEvents: Bool, checks: IterativeAuthChecks, reader: ResolutionReader
    ) {
        self.authEvents = authEvents
        self.usesAuthEvents = usesAuthEvents
        self.checks = checks
        self.reader = reader
    }

    func authEvent(type: String, stateKey: String) -> PDU? {
        reading { try number(at: reader.slot(type: type, stateKey: stateKey)).map(reader.pdu(of:)) }
    }

    func membership(of userID: String) -> Membership? {
        reading {
            try number(at: reader.slot(type: "m.room.member", stateKey: userID)).flatMap(reader.membership(in:))
        }
    }

    var powerLevels: PowerLevels? {
        reading {
            try reader.powerLevels(number(at: reader.powerLevelsSlot), create: number(at: reader.createSlot))
        }
    }

    /// The create event that is in force: until v12 a room may have several, and which one came first is no matter.
    var createEventID: EventID? {
        if reader.version.createNotInAuthEvents { return reader.createEventID }
        return reading {
            try number(at: reader.createSlot).flatMap { create in
                create == reader.createEvent ? reader.createEventID : try reader.eventID(of: create)
            }
        }
    }

    private func number(at slot: StateSlot?) throws -> EventNumber? {
        guard let slot else { return nil }
        if let event = try checks.event(at: slot) { return event }
        guard usesAuthEvents else { return nil }
        // "If a `(event_type, state_key)` key that is required for checking the authorisation rules is not present in the
        // state, then the appropriate state event from the event's `auth_events` is used if the auth event is not rejected."
        for authEvent in authEvents {
            let row = try reader.row(of: authEvent)
            if row.slot == slot, !row.isRejected { return authEvent }
        }
        // v12: "The `room_id` (being the `m.room.create` event's ID) implies this instead."
        if reader.version.createNotInAuthEvents, slot == reader.createSlot { return reader.createEvent }
        return nil
    }

    private func reading<Value>(_ read: () throws -> Value?) -> Value? {
        do {
            return try read()
        } catch {
            if fault == nil { fault = error }
            return nil
        }
    }
}
