internal import MatrixEvents
internal import MatrixIdentifiers

/// The algorithm of room version 1.
extension NaiveResolution {
    /// "The resolved state is built up in a number of passes; here we use *R* to refer to the results of the resolution so
    /// far."
    mutating func resolveFirst(_ states: [NaiveState]) -> NaiveState {
        let conflicts = conflicts(between: states)
        trace.conflictedKeys = conflicts.count
        // "Start by setting *R* to the union of the states to be resolved, excluding any *conflicting* events."
        var resolved = NaiveState()
        for state in states {
            for (entry, eventID) in state where conflicts[entry] == nil { resolved[entry] = eventID }
        }
        // "First we resolve conflicts between `m.room.power_levels` events."
        // "Repeat the above process for conflicts between `m.room.join_rules` events."
        // "Repeat the above process for conflicts between `m.room.member` events."
        let authTypes = ["m.room.power_levels", "m.room.join_rules", "m.room.member"]
        for type in authTypes {
            let beforePass = resolved
            for (entry, list) in conflicts where same(entry.type, type) {
                trace.powerEvents += list.count
                resolved[entry] = resolveAuthConflict(list, entry, in: beforePass)
            }
        }
        // "No other events affect the authorisation rules, so for all other conflicts, just pick the event with the highest
        // depth and lowest `sha1(event_id)` that passes authentication in *R* and add it to *R*."
        let afterPasses = resolved
        for (entry, list) in conflicts where !authTypes.contains(where: { same(entry.type, $0) }) {
            resolved[entry] = sortedByDepth(list).reversed().first { eventID in
                guard let pdu = events[eventID] else { return false }
                let passes = isAllowed(pdu, eventID, in: afterPasses, usesOwnAuthEvents: false)
                if !passes { trace.refused += 1 }
                return passes
            }
        }
        return resolved
    }

    /// "A *conflict* occurs between states where those states have different `event_ids` for the same
    /// `(event_type, state_key)`. The events thus affected are said to be *conflicting* events."
    private func conflicts(between states: [NaiveState]) -> [NaiveStateKey: [EventID]] {
        var values: [NaiveStateKey: Set<EventID>] = [:]
        for state in states {
            for (entry, eventID) in state { values[entry, default: []].insert(eventID) }
        }
        return values.filter { $0.value.count > 1 }.mapValues { list in list.filter { events[$0] != nil } }
    }

    /// "Assemble all the `m.room.power_levels` events from the states to be resolved into a list."
    private mutating func resolveAuthConflict(
        _ list: [EventID], _ entry: NaiveStateKey, in beforePass: NaiveState
    ) -> EventID? {
        let sorted = sortedByDepth(list)
        // "Add the first event in the list to *R*."
        guard var picked = sorted.first else { return nil }
        var state = beforePass
        state[entry] = picked
        for eventID in sorted.dropFirst() {
            // "For each subsequent event in the list, check that the event would be allowed by the authorisation rules for a
            // room in state *R*. If the event would be allowed, then update *R* with the event and continue with the next
            // event in the list. If it would not be allowed, stop and continue below with `m.room.join_rules` events."
            guard let pdu = events[eventID], isAllowed(pdu, eventID, in: state, usesOwnAuthEvents: false) else {
                trace.refused += 1
                break
            }
            picked = eventID
            state[entry] = eventID
        }
        return picked
    }

    /// "Sort the list by ascending `depth` then descending `sha1(event_id)`."
    private mutating func sortedByDepth(_ list: [EventID]) -> [EventID] {
        let ranks = list.compactMap { eventID -> (depth: Int64, hash: [UInt8], eventID: EventID)? in
            events[eventID].map { ($0.depth, NaiveSHA1.digest(eventID.rawValue.utf8), eventID) }
        }
        let sorted = ranks.sorted { one, other in
            if one.depth != other.depth { return one.depth < other.depth }
            return other.hash.lexicographicallyPrecedes(one.hash)
        }
        for (one, other) in zip(sorted, sorted.dropFirst()) where one.depth == other.depth { trace.orderTies += 1 }
        return sorted.map(\.eventID)
    }
}
