package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// State resolution word for word: each step of the specification is a function with its sentence above it.
///
/// Slow and obvious on purpose: the fast implementation is compared with it. It shares with that one only the
/// authorization rules and the reading of power levels.
///
/// Where the text leaves a choice:
/// - In v1 the conflicts of one pass are judged against *R* as it stood when the pass began, each with its own picks added,
///   so that the order in which keys are visited cannot matter.
/// - The edges of "the DAG formed by auth events" are the `auth_events` links between the events that are ordered.
/// - Events that are not at hand are skipped by walks and take no part in orderings.
package struct NaiveResolution: Sendable {
    package let version: RoomVersion
    package let roomID: RoomID
    package let events: [EventID: PDU]
    package let rejected: Set<EventID>
    /// What the last resolution met.
    package internal(set) var trace = NaiveTrace()

    /// - Parameters:
    ///   - events: every event that states and auth chains name.
    ///   - rejected: those of them that were rejected.
    package init(version: RoomVersion, roomID: RoomID, events: [EventID: PDU], rejected: Set<EventID> = []) {
        self.version = version
        self.roomID = roomID
        self.events = events
        self.rejected = rejected
    }

    /// "The resolution of a set of states."
    package mutating func resolve(_ states: [NaiveState]) -> NaiveState {
        trace = NaiveTrace()
        return switch version.stateResolution {
        case .v1: resolveFirst(states)
        case .v2, .v2_1: resolveSecond(states)
        }
    }

    /// "The *resolution* of a set of states is obtained as follows:"
    private mutating func resolveSecond(_ states: [NaiveState]) -> NaiveState {
        let unconflicted = unconflictedStateMap(states)
        let fullConflicted = fullConflictedSet(states)
        // "1. Select the set *X* of all *power events* that appear in the *full conflicted set*. For each such power event
        // *P*, enlarge *X* by adding the events in the auth chain of *P* which also belong to the full conflicted set. Sort
        // *X* into a list using the *reverse topological power ordering*."
        let powerEvents = fullConflicted.filter { isPowerEvent($0) }
        trace.powerEvents = powerEvents.count
        var selected = powerEvents
        for powerEvent in powerEvents { selected.formUnion(authChain(of: powerEvent).intersection(fullConflicted)) }
        let powerList = reverseTopologicalPowerOrdering(selected)
        // "2. Apply the *iterative auth checks algorithm*, starting from the *unconflicted state map*, to the list of events
        // from the previous step to get a partially resolved state."
        // v12: "2. Apply the *iterative auth checks algorithm*, starting from an *empty* state map, […]"
        let initial = version.stateResolution == .v2_1 ? NaiveState() : unconflicted
        let partial = iterativeAuthChecks(from: initial, powerList)
        // "3. Take all remaining events that weren't picked in step 1 and order them by the mainline ordering based on the
        // power level in the partially resolved state obtained in step 2."
        let remaining = fullConflicted.subtracting(selected)
        let mainlineList = mainlineOrdering(remaining, basedOn: partial[NaiveStateKey("m.room.power_levels")])
        // "4. Apply the *iterative auth checks algorithm* on the partial resolved state and the list of events from the
        // previous step."
        var result = iterativeAuthChecks(from: partial, mainlineList)
        // "5. Update the result by replacing any event with the event with the same key from the *unconflicted state map*,
        // if such an event exists, to get the final resolved state."
        for (entry, eventID) in unconflicted { result[entry] = eventID }
        return result
    }
}
