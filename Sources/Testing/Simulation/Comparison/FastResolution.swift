package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions
package import StateResolution

/// The fast state resolution, asked with the states of the specification's text.
package struct FastResolution: Sendable {
    package let version: RoomVersion
    package private(set) var source = MemoryResolutionSource()
    private var slots: [NaiveStateKey: StateSlot] = [:]
    private var entries: [StateSlot: NaiveStateKey] = [:]

    /// - Parameter order: the IDs of the events, each after its auth events; what is no state event is left out.
    package init(
        version: RoomVersion, events: [EventID: PDU], order: [EventID], rejected: Set<EventID> = []
    ) throws {
        self.version = version
        for eventID in order {
            if let pdu = events[eventID] { try append(pdu, eventID: eventID, isRejected: rejected.contains(eventID)) }
        }
    }

    /// The fast resolution of a generated room.
    package init(_ room: GeneratedRoom) throws {
        try self.init(version: room.version, events: room.events, order: room.order, rejected: room.rejected)
    }

    /// Adds an event after its auth events.
    package mutating func append(_ pdu: PDU, eventID: EventID, isRejected: Bool) throws {
        guard let entry = NaiveStateKey(pdu) else { return }
        try source.append(pdu, eventID: eventID, isRejected: isRejected)
        let slot = try source.slotInterning(type: entry.type, stateKey: entry.stateKey)
        slots[entry] = slot
        entries[slot] = entry
    }

    /// Resolves whole states.
    package func resolve(_ states: [NaiveState]) throws -> NaiveState {
        try named(StateResolver.resolve(states: states.map { try numbered($0) }, version: version, source: source))
    }

    /// Resolves states given as differences from a base, and checks that both answers say the same.
    package func resolve(_ states: [NaiveState], from base: NaiveState) throws -> NaiveState {
        let baseNumbers = try numbered(base)
        let stateNumbers = try states.map { try numbered($0) }
        let input = ResolutionInput(
            base: DictionaryState(baseNumbers),
            states: stateNumbers.map { Self.difference(of: $0, from: baseNumbers) })
        let outcome = try StateResolver.resolve(input, version: version, source: source)
        let fromBase = Self.applying(outcome.differenceFromBase, to: baseNumbers)
        guard stateNumbers.indices.contains(outcome.nearestInput) else { throw ComparisonError.noSuchInput }
        let nearest = stateNumbers[outcome.nearestInput]
        guard Self.applying(outcome.differenceFromNearest, to: nearest) == fromBase else {
            throw ComparisonError.answersDisagree
        }
        return named(fromBase)
    }

    private static func difference(
        of state: [StateSlot: EventNumber], from base: [StateSlot: EventNumber]
    ) -> StateDifference {
        let slots = Set(state.keys).union(base.keys).filter { state[$0] != base[$0] }
        return StateDifference(slots.map { StateDifference.Change(slot: $0, event: state[$0]) })
    }

    private static func applying(
        _ difference: StateDifference, to state: [StateSlot: EventNumber]
    ) -> [StateSlot: EventNumber] {
        var result = state
        for change in difference.changes { result[change.slot] = change.event }
        return result
    }

    private func numbered(_ state: NaiveState) throws -> [StateSlot: EventNumber] {
        var result: [StateSlot: EventNumber] = [:]
        for (entry, eventID) in state {
            guard let slot = slots[entry], let number = source.number(of: eventID) else {
                throw ComparisonError.unknownEvent(eventID)
            }
            result[slot] = number
        }
        return result
    }

    private func named(_ state: [StateSlot: EventNumber]) -> NaiveState {
        var result = NaiveState()
        for (slot, number) in state {
            guard let entry = entries[slot], let eventID = try? source.eventID(of: number) else { continue }
            result[entry] = eventID
        }
        return result
    }
}
