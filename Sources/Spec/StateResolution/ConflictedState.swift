/// The unconflicted state map and the conflicted state set.
///
/// Only slots that some difference names are looked at. Every other slot has in all of the states what it has in the base,
/// so it belongs to the unconflicted state map without being visited.
struct ConflictedState {
    /// One value that a slot has in some of the states.
    struct Candidate {
        let event: EventNumber
        /// The states that have it, in `masks`.
        let mask: Int
    }

    /// A slot that some difference names.
    struct Slot {
        let slot: StateSlot
        let baseEvent: EventNumber?
        /// The values it has; a state that has none of them lacks the slot.
        var candidates: [Candidate]
        /// Whether the states disagree about it.
        let isConflicted: Bool

        /// What all the states have, when they agree.
        var agreedEvent: EventNumber? { isConflicted ? nil : candidates.first?.event }
    }

    let base: any StateLookup
    let slots: [Slot]
    let masks: StateMasks
    private let positions: SlotPositions

    /// Divides the states.
    ///
    /// "If a given key *K* is present in every *S_i* with the same value *V* in each state map, then the pair (*K*, *V*)
    /// belongs to the *unconflicted state map*. Otherwise, *V* belongs to the *conflicted state set*."
    ///
    /// - Parameter absenceConflicts: whether a slot that some states lack is conflicted. v1 asks only for "different
    ///   `event_ids` for the same `(event_type, state_key)`".
    init(_ input: ResolutionInput, absenceConflicts: Bool) throws {
        base = input.base
        var gathering = Gathering(input.states)
        for (state, difference) in input.states.enumerated() {
            for change in difference.changes { try gathering.note(change, of: state) }
        }
        var slots: [Slot] = []
        slots.reserveCapacity(gathering.slots.count)
        for position in gathering.slots.indices {
            let baseEvent = try input.base.event(at: gathering.slots[position])
            gathering.noteUnnamed(baseEvent, at: position)
            let values = gathering.candidates[position]
            let isPartial = values.contains { !gathering.masks.isFull($0.mask) }
            slots.append(
                Slot(
                    slot: gathering.slots[position], baseEvent: baseEvent, candidates: values,
                    isConflicted: values.count > 1 || (absenceConflicts && isPartial)))
        }
        self.slots = slots
        masks = gathering.masks
        positions = gathering.positions
    }

    /// What the unconflicted state map has in a slot.
    func unconflictedEvent(at slot: StateSlot) throws -> EventNumber? {
        if let position = positions[slot] { return slots[position].agreedEvent }
        return try base.event(at: slot)
    }

    /// Whether some difference names the slot.
    func names(_ slot: StateSlot) -> Bool { positions[slot] != nil }
}

/// The values of all slots that the differences name, while they are gathered.
private struct Gathering {
    private(set) var slots: [StateSlot] = []
    private(set) var candidates: [[ConflictedState.Candidate]] = []
    private(set) var masks: StateMasks
    private(set) var positions: SlotPositions
    /// For each slot the value that was noted last, which the next state most likely has too.
    private var latest: [ConflictedState.Candidate?] = []
    /// For each slot the states whose difference says that they lack it.
    private var absent: [Int?] = []

    init(_ states: [StateDifference]) {
        masks = StateMasks(stateCount: states.count)
        positions = SlotPositions(of: states)
    }

    mutating func note(_ change: StateDifference.Change, of state: Int) throws {
        let position = try position(of: change.slot)
        guard let event = change.event else {
            let mask = absent[position] ?? masks.append()
            absent[position] = mask
            masks.insert(state, into: mask)
            return
        }
        if let latest = latest[position], latest.event == event {
            masks.insert(state, into: latest.mask)
        } else {
            masks.insert(state, into: mask(of: event, at: position))
        }
    }

    /// The states whose difference does not name the slot have what the base has.
    mutating func noteUnnamed(_ baseEvent: EventNumber?, at position: Int) {
        guard let baseEvent else { return }
        let named = masks.append()
        for candidate in candidates[position] { masks.formUnion(named, with: candidate.mask) }
        if let absent = absent[position] { masks.formUnion(named, with: absent) }
        if masks.isFull(named) { return }
        masks.formUnion(mask(of: baseEvent, at: position), withComplementOf: named)
    }

    private mutating func position(of slot: StateSlot) throws -> Int {
        if let known = positions[slot] { return known }
        let position = slots.count
        guard positions.put(position, at: slot) else { throw ResolutionError.tooMany }
        slots.append(slot)
        candidates.append([])
        latest.append(nil)
        absent.append(nil)
        return position
    }

    /// The set of the states that have `event`, made when there is none.
    private mutating func mask(of event: EventNumber, at position: Int) -> Int {
        var found = candidates[position].first { $0.event == event }
        if found == nil {
            let candidate = ConflictedState.Candidate(event: event, mask: masks.append())
            candidates[position].append(candidate)
            found = candidate
        }
        latest[position] = found
        return found?.mask ?? 0
    }
}
