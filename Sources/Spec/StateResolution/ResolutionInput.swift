/// The states to be resolved, as differences from one base.
///
/// The base is any state near to them, such as the first of them (whose difference is then empty) or their newest common
/// ancestor. What is in no difference is in all of the states; the resolver never walks it, so a resolution costs in
/// proportion to the differences.
package struct ResolutionInput {
    package let base: any StateLookup
    /// The states, each as its difference from `base`.
    package let states: [StateDifference]
    /// A number that no event in the base or the states exceeds, when the caller knows one.
    ///
    /// It spares a resolution deep in the past the look at all that came later; nil is always right.
    package let newest: EventNumber?

    package init(base: any StateLookup, states: [StateDifference], newest: EventNumber? = nil) {
        self.base = base
        self.states = states
        self.newest = newest
    }

    /// Takes whole states, which are walked: for tests, and where nothing better is at hand.
    package init(states: [[StateSlot: EventNumber]]) {
        let base = states.first ?? [:]
        self.init(base: DictionaryState(base), states: states.map { Self.difference(of: $0, from: base) })
    }

    private static func difference(
        of state: [StateSlot: EventNumber], from base: [StateSlot: EventNumber]
    ) -> StateDifference {
        var changes: [StateDifference.Change] = []
        for (slot, event) in state where base[slot] != event {
            changes.append(StateDifference.Change(slot: slot, event: event))
        }
        for slot in base.keys where state[slot] == nil {
            changes.append(StateDifference.Change(slot: slot, event: nil))
        }
        return StateDifference(changes)
    }
}
