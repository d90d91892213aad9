/// The outcome of a resolution.
package struct ResolvedState: Sendable, Hashable {
    /// The resolved state as its difference from the base of the input.
    package let differenceFromBase: StateDifference
    /// The position, among the states of the input, of the one nearest to the resolved state.
    package let nearestInput: Int
    /// The resolved state as its difference from that one.
    package let differenceFromNearest: StateDifference
    /// How many events were weighed: the size of the full conflicted set (v1: of the conflicting events).
    package let conflictedCount: Int

    /// Puts what was resolved beside what the states agree on.
    ///
    /// - Parameter applied: what was resolved, of slots that the unconflicted state map lacks.
    init(
        of input: ResolutionInput, states: ConflictedState, applied: [StateSlot: EventNumber], conflictedCount: Int
    ) {
        var fromBase: [StateDifference.Change] = []
        var agreement = [Int](repeating: 0, count: input.states.count)
        for slot in states.slots {
            let event = slot.agreedEvent ?? applied[slot.slot]
            if event != slot.baseEvent { fromBase.append(StateDifference.Change(slot: slot.slot, event: event)) }
            // Agreeing about an absent slot is not counted: near is enough.
            for candidate in slot.candidates where candidate.event == event {
                states.masks.count(candidate.mask, into: &agreement)
            }
        }
        // Slots that no state has: their events came from the auth chains.
        let added = applied.filter { !states.names($0.key) }
            .map { StateDifference.Change(slot: $0.key, event: $0.value) }
        let nearest = agreement.indices.max { agreement[$0] < agreement[$1] } ?? 0
        var fromNearest = added
        for slot in states.slots {
            let event = slot.agreedEvent ?? applied[slot.slot]
            let nearestEvent = slot.candidates.first { states.masks.contains(nearest, in: $0.mask) }?.event
            if event != nearestEvent { fromNearest.append(StateDifference.Change(slot: slot.slot, event: event)) }
        }
        differenceFromBase = StateDifference(fromBase + added)
        nearestInput = nearest
        differenceFromNearest = StateDifference(fromNearest)
        self.conflictedCount = conflictedCount
    }
}
