package import Decisions
package import RoomVersions
package import StateResolution

extension RoomGraph {
    /// The event that holds an entry.
    package func event(at slot: StateSlot, in state: GraphState) throws -> EventNumber? {
        if let held = state.overlay[slot] { return held }
        return state.base == 0 ? nil : try holder(of: slot, asOf: state.base)
    }

    package func held(_ type: String, _ stateKey: String, in state: GraphState) throws -> HeldPDU? {
        guard let slot = try slot(type: type, stateKey: stateKey), let event = try event(at: slot, in: state) else {
            return nil
        }
        return HeldPDU(pdu: try pdu(of: event), eventID: try eventID(of: event))
    }

    /// What `to` has otherwise than `from`, at the cost of what has changed between them.
    package func difference(from: GraphState, to: GraphState) throws -> StateDifference {
        var slots = Set(from.overlay.keys)
        slots.formUnion(to.overlay.keys)
        if from.base != to.base {
            slots.formUnion(try changedSlots(after: min(from.base, to.base), upTo: max(from.base, to.base)))
        }
        var changes: [StateDifference.Change] = []
        for slot in slots {
            let new = try event(at: slot, in: to)
            if try event(at: slot, in: from) != new {
                changes.append(StateDifference.Change(slot: slot, event: new))
            }
        }
        return StateDifference(changes.sorted { $0.slot < $1.slot })
    }

    /// Resolves states by the room version's algorithm.
    package func resolve(_ states: [GraphState], version: RoomVersion) throws -> ResolvedGraphState {
        guard let first = states.first else {
            return ResolvedGraphState(state: .empty, nearest: nil, fromNearest: .none)
        }
        let differences = try states.map { try difference(from: first, to: $0) }
        guard differences.contains(where: { !$0.isEmpty }) else {
            return ResolvedGraphState(state: first, nearest: 0, fromNearest: .none)
        }
        let input = ResolutionInput(base: GraphLookup(graph: self, state: first), states: differences)
        let resolved = try StateResolver.resolve(input, version: version, source: self)
        return ResolvedGraphState(
            state: first.applying(resolved.differenceFromBase),
            nearest: resolved.nearestInput,
            fromNearest: resolved.differenceFromNearest
        )
    }
}

/// What came of resolving states.
package struct ResolvedGraphState: Sendable, Hashable {
    package let state: GraphState
    /// Which of the states is nearest to it; nil when there were none.
    package let nearest: Int?
    package let fromNearest: StateDifference
}

/// One state, asked slot by slot.
struct GraphLookup<Graph: RoomGraph>: StateLookup {
    let graph: Graph
    let state: GraphState

    func event(at slot: StateSlot) throws -> EventNumber? { try graph.event(at: slot, in: state) }
}
