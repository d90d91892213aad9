internal import EventAuthorization
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// One server's view of the room: it checks what it receives as the specification says, resolving forks as it goes.
struct SimulatedServer {
    let name: String
    let version: RoomVersion
    let roomID: RoomID
    private(set) var events: [EventID: PDU] = [:]
    /// In the order in which they were taken in.
    private(set) var order: [EventID] = []
    private(set) var stateAfter: [EventID: NaiveState] = [:]
    private(set) var rejected: Set<EventID> = []
    private(set) var softFailed: Set<EventID> = []
    /// Forward extremities: the accepted events that nothing accepted follows.
    private(set) var extremities: Set<EventID> = []
    /// Events that lack some of what they name.
    private(set) var waiting: [EventID: PDU] = [:]
    /// Resolutions of more than one state.
    private(set) var resolutions = 0
    private var fast: FastResolution
    private var resolved: [Set<EventID>: NaiveState] = [:]

    init(name: String, version: RoomVersion, roomID: RoomID) throws {
        self.name = name
        self.version = version
        self.roomID = roomID
        fast = try FastResolution(version: version, events: [:], order: [])
    }

    /// Takes an event in, and whatever waited for it; answers what is still missing.
    mutating func receive(_ pdu: PDU, _ eventID: EventID) throws -> [EventID] {
        guard events[eventID] == nil else { return [] }
        waiting[eventID] = pdu
        var isProgressing = true
        while isProgressing {
            isProgressing = false
            for (readyID, ready) in waiting.sorted(by: { $0.key < $1.key }) where missing(for: ready).isEmpty {
                waiting[readyID] = nil
                try take(ready, readyID)
                isProgressing = true
            }
        }
        return waiting[eventID] == nil ? [] : missing(for: pdu)
    }

    private func missing(for pdu: PDU) -> [EventID] {
        (pdu.prevEvents + pdu.authEvents).filter { events[$0] == nil }
    }

    /// "Checks performed on receipt of a PDU", from the fourth on.
    private mutating func take(_ pdu: PDU, _ eventID: EventID) throws {
        let before = try state(after: Set(pdu.prevEvents))
        // "4. Passes authorization rules based on the event's auth events, otherwise it is rejected."
        // "5. Passes authorization rules based on the state before the event, otherwise it is rejected."
        let isAccepted = passesByAuthEvents(pdu, eventID) && passes(pdu, eventID, in: before)
        // "6. Passes authorization rules based on the current state of the room, otherwise it is "soft failed"."
        let isCurrent = try isAccepted && passes(pdu, eventID, in: currentState())
        events[eventID] = pdu
        order.append(eventID)
        try fast.append(pdu, eventID: eventID, isRejected: !isAccepted)
        var after = before
        if isAccepted, let entry = NaiveStateKey(pdu) { after[entry] = eventID }
        stateAfter[eventID] = after
        guard isAccepted else {
            rejected.insert(eventID)
            return
        }
        guard isCurrent else {
            // "When an event is "soft failed" it should […] not be added to the forward extremities".
            softFailed.insert(eventID)
            return
        }
        extremities.subtract(pdu.prevEvents)
        extremities.insert(eventID)
    }

    func passesByAuthEvents(_ pdu: PDU, _ eventID: EventID) -> Bool {
        let authEvents = pdu.authEvents.compactMap { name in
            events[name].map { ResolvedAuthEvent(pdu: $0, eventID: name, isRejected: rejected.contains(name)) }
        }
        var state = NaiveState()
        for name in pdu.authEvents {
            if let entry = events[name].flatMap({ NaiveStateKey($0) }) { state[entry] = name }
        }
        return passes(pdu, eventID, in: state, authEvents: authEvents)
    }

    func passes(
        _ pdu: PDU, _ eventID: EventID, in state: NaiveState, authEvents: [ResolvedAuthEvent]? = nil
    ) -> Bool {
        let create = version.createNotInAuthEvents ? order.prefix(1) : []
        let reader = DictionaryAuthState((create + state.values).compactMap { events[$0] })
        do throws(AuthRejection) {
            try EventAuthorizer.check(
                pdu, eventID: eventID, roomID: roomID, version: version, state: reader, createEventID: order.first,
                authEvents: authEvents)
            return true
        } catch {
            return false
        }
    }

    /// The state that the states after some events resolve to.
    mutating func state(after heads: Set<EventID>) throws -> NaiveState {
        let states = heads.sorted().compactMap { stateAfter[$0] }
        guard states.count > 1 else { return states.first ?? [:] }
        if let known = resolved[heads] { return known }
        resolutions += 1
        let state = try fast.resolve(states)
        resolved[heads] = state
        return state
    }

    mutating func currentState() throws -> NaiveState { try state(after: extremities) }

    /// The events that no accepted event follows, soft-failed or not: the same on every server that has all events.
    var heads: Set<EventID> {
        let accepted = order.filter { !rejected.contains($0) }
        return Set(accepted).subtracting(accepted.flatMap { events[$0]?.prevEvents ?? [] })
    }
}
