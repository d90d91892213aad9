package import RoomVersions

/// State resolution: one state out of several, by the algorithm of the room version.
///
/// Pure: the outcome depends on the states, the events and the room version alone, and on no order in which they came.
package enum StateResolver {
    /// Resolves states that are given as differences, at a cost that follows the differences.
    package static func resolve(
        _ input: ResolutionInput,
        version: RoomVersion,
        source: some ResolutionSource
    ) throws -> ResolvedState {
        let states = try ConflictedState(input, absenceConflicts: version.stateResolution != .v1)
        guard states.slots.contains(where: \.isConflicted) else {
            return ResolvedState(of: input, states: states, applied: [:], conflictedCount: 0)
        }
        let reader = try ResolutionReader(source: source, version: version, newest: input.newest)
        switch version.stateResolution {
        case .v1: return try FirstResolution.resolve(input, states: states, reader: reader)
        case .v2, .v2_1: return try resolve(input, states: states, reader: reader)
        }
    }

    /// Resolves whole states: for tests, and where nothing better is at hand.
    package static func resolve(
        states: [[StateSlot: EventNumber]],
        version: RoomVersion,
        source: some ResolutionSource
    ) throws -> [StateSlot: EventNumber] {
        let resolved = try resolve(ResolutionInput(states: states), version: version, source: source)
        var result = states.first ?? [:]
        for change in resolved.differenceFromBase.changes { result[change.slot] = change.event }
        return result
    }

    /// "The *resolution* of a set of states is obtained as follows", in v2 and v2.1:
    private static func resolve(
        _ input: ResolutionInput, states: ConflictedState, reader: ResolutionReader
    ) throws -> ResolvedState {
        let conflicted = try FullConflictedSet(of: states, reader: reader)
        // 1. "Select the set *X* of all *power events* that appear in the *full conflicted set*. […] Sort *X* into a list
        // using the *reverse topological power ordering*."
        let selected = try PowerEventSelection.select(from: conflicted, reader: reader)
        let powerEvents = try ReverseTopologicalPowerOrdering.sort(selected, reader: reader)
        // 2. "Apply the *iterative auth checks algorithm*, starting from the *unconflicted state map*, to the list of events
        // from the previous step to get a partially resolved state." v12: "now starts with an *empty* state map instead".
        let startsEmpty = reader.version.stateResolution == .v2_1
        let checks = IterativeAuthChecks(startingFrom: startsEmpty ? nil : states, reader: reader)
        try checks.apply(powerEvents)
        // 3. "Take all remaining events that weren't picked in step 1 and order them by the mainline ordering based on the
        // power level in the partially resolved state obtained in step 2."
        let powerLevels = try reader.powerLevelsSlot.flatMap { try checks.event(at: $0) }
        let remaining = try MainlineOrdering.sort(
            conflicted.events.subtracting(selected), basedOn: powerLevels, reader: reader)
        // 4. "Apply the *iterative auth checks algorithm* on the partial resolved state and the list of events from the
        // previous step."
        try checks.apply(remaining)
        // 5. "Update the result by replacing any event with the event with the same key from the *unconflicted state map*, if
        // such an event exists, to get the final resolved state."
        let applied = try checks.applied.filter { try states.unconflictedEvent(at: $0.key) == nil }
        return ResolvedState(of: input, states: states, applied: applied, conflictedCount: conflicted.events.count)
    }
}
