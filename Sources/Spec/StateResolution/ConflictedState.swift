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
    let stateCount: Int
    let slots: [Slot]
    let masks: StateMasks
    private let positions: [StateSlot: Int32]

    /// Divides the states.
    ///
    /// "If a given key *K* is present in every *S_i* with the same value *V* in each state map, then the pair (*K*, *V*)
    /// belongs to the *unconflicted state map*. Otherwise, *V* belongs to the *conflicted state set*."
    ///
    /// - Parameter absenceConflicts: whether a slot that some states lack is conflicted. v1 asks only for "different
    ///   `event_ids` for the same `(event_type, state_key)`".
    init(_ input: ResolutionInput, absenceConflicts: Bool) throws {
        base = input.base
        stateCount = input.states.count
        var masks = StateMasks(stateCount: stateCount)
        var positions: [StateSlot: Int32] = [:]
        var names: [StateSlot] = []
        var candidates: [[Candidate]] = []
        // For each slot the states whose difference names it.
        var named: [Int] = []
        for (state, difference) in input.states.enumerated() {
            for change in difference.changes {
                let position: Int
                if let known = positions[change.slot] {
                    position = Int(known)
                } else {
                    position = names.count
                    guard let short = Int32(exactly: position) else { throw ResolutionError.tooMany }
                    positions[change.slot] = short
                    names.append(change.slot)
                    candidates.append([])
                    named.append(masks.append())
                }
                masks.insert(state, into: named[position])
                guard let event = change.event else { continue }
                masks.insert(state, into: Self.mask(of: event, in: &candidates[position], masks: &masks))
            }
        }
        var slots: [Slot] = []
        slots.reserveCapacity(names.count)
        for position in names.indices {
            let baseEvent = try input.base.event(at: names[position])
            if let baseEvent, !masks.isFull(named[position]) {
                let mask = Self.mask(of: baseEvent, in: &candidates[position], masks: &masks)
                masks.formUnion(mask, withComplementOf: named[position])
            }
            let values = candidates[position]
            let isConflicted = values.count > 1 || (absenceConflicts && values.contains { !masks.isFull($0.mask) })
            slots.append(
                Slot(slot: names[position], baseEvent: baseEvent, candidates: values, isConflicted: isConflicted))
        }
        self.slots = slots
        self.masks = masks
        self.positions = positions
    }

    /// What the unconflicted state map has in a slot.
    func unconflictedEvent(at slot: StateSlot) throws -> EventNumber? {
        if let position = positions[slot] { return slots[Int(position)].agreedEvent }
        return try base.event(at: slot)
    }

    /// Whether some difference names the slot.
    func names(_ slot: StateSlot) -> Bool { positions[slot] != nil }

    /// The set of the states that have `event`, made when there is none.
    private static func mask(
        of event: EventNumber, in candidates: inout [Candidate], masks: inout StateMasks
    ) -> Int {
        for candidate in candidates where candidate.event == event { return candidate.mask }
        let mask = masks.append()
        candidates.append(Candidate(event: event, mask: mask))
        return mask
    }
}
