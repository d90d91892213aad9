internal import MatrixEvents
internal import MatrixIdentifiers

/// The resolution of room version 1.
struct FirstResolution {
    private let reader: ResolutionReader
    /// "we use *R* to refer to the results of the resolution so far."
    private let result: IterativeAuthChecks

    /// A conflicting event, with what orders it.
    private struct Conflicting {
        let event: EventNumber
        let depth: Int64
        let hash: [UInt8]

        /// "ascending `depth` then descending `sha1(event_id)`"
        static func isBefore(_ left: Conflicting, _ right: Conflicting) -> Bool {
            left.depth != right.depth
                ? left.depth < right.depth : right.hash.lexicographicallyPrecedes(left.hash)
        }
    }

    static func resolve(
        _ input: ResolutionInput, states: ConflictedState, reader: ResolutionReader
    ) throws -> ResolvedState {
        // "Start by setting *R* to the union of the states to be resolved, excluding any *conflicting* events."
        let result = IterativeAuthChecks(startingFrom: states, reader: reader)
        let conflicted = states.slots.filter(\.isConflicted)
        let count = try FirstResolution(reader: reader, result: result).resolve(conflicted)
        return ResolvedState(of: input, states: states, applied: result.applied, conflictedCount: count)
    }

    /// Resolves all conflicts and answers how many events took part in one.
    private func resolve(_ slots: [ConflictedState.Slot]) throws -> Int {
        var powerLevels: [[Conflicting]] = []
        var joinRules: [[Conflicting]] = []
        var members: [[Conflicting]] = []
        var others: [[Conflicting]] = []
        for slot in slots {
            let list = try sorted(slot)
            guard let first = list.first else { continue }
            // The type decides, with any state key.
            let type = try reader.pdu(of: first.event).type
            if type.hasSameBytes(as: "m.room.power_levels") {
                powerLevels.append(list)
            } else if type.hasSameBytes(as: "m.room.join_rules") {
                joinRules.append(list)
            } else if type.hasSameBytes(as: "m.room.member") {
                members.append(list)
            } else {
                others.append(list)
            }
        }
        // "First we resolve conflicts between `m.room.power_levels` events. […] Repeat the above process for conflicts between
        // `m.room.join_rules` events. Repeat the above process for conflicts between `m.room.member` events."
        for pass in [powerLevels, joinRules, members] { try resolveAuthEvents(pass) }
        // "No other events affect the authorisation rules, so for all other conflicts, just pick the event with the highest
        // depth and lowest `sha1(event_id)` that passes authentication in *R* and add it to *R*."
        var picked: [EventNumber] = []
        for list in others {
            for candidate in list.reversed() where try result.isAllowed(candidate.event, usingAuthEvents: false) {
                picked.append(candidate.event)
                break
            }
        }
        for event in picked { try result.apply(event) }
        return slots.reduce(0) { $0 + $1.candidates.count }
    }

    /// Resolves the conflicts of one pass, each on its own, so that their order makes no difference.
    private func resolveAuthEvents(_ conflicts: [[Conflicting]]) throws {
        var winners: [EventNumber] = []
        for list in conflicts {
            guard let first = list.first else { continue }
            // "Add the first event in the list to *R*."
            var winner = first.event
            try result.apply(winner)
            // "For each subsequent event in the list, check that the event would be allowed by the authorisation rules for a
            // room in state *R*. If the event would be allowed, then update *R* with the event and continue with the next
            // event in the list. If it would not be allowed, stop".
            for next in list.dropFirst() {
                guard try result.isAllowed(next.event, usingAuthEvents: false) else { break }
                winner = next.event
                try result.apply(winner)
            }
            try result.withdraw(winner)
            winners.append(winner)
        }
        for winner in winners { try result.apply(winner) }
    }

    private func sorted(_ slot: ConflictedState.Slot) throws -> [Conflicting] {
        try slot.candidates.map { candidate in
            guard try reader.row(of: candidate.event).slot == slot.slot else {
                throw ResolutionError.wrongSlot(candidate.event, slot.slot)
            }
            return Conflicting(
                event: candidate.event,
                depth: try reader.pdu(of: candidate.event).depth,
                hash: SHA1.digest(try reader.eventID(of: candidate.event).rawValue.utf8)
            )
        }.sorted(by: Conflicting.isBefore)
    }
}
