internal import CanonicalJSON
internal import MatrixEvents
package import MatrixIdentifiers
internal import RoomVersions

extension NaiveResolution {
    /// "A *power event* is a state event with type `m.room.power_levels` or `m.room.join_rules`, or a state event with type
    /// `m.room.member` where the `membership` is `leave` or `ban` and the `sender` does not match the `state_key`."
    func isPowerEvent(_ eventID: EventID) -> Bool {
        guard let pdu = events[eventID], let stateKey = pdu.stateKey else { return false }
        if same(pdu.type, "m.room.power_levels") || same(pdu.type, "m.room.join_rules") { return true }
        guard same(pdu.type, "m.room.member"), !same(pdu.sender.rawValue, stateKey) else { return false }
        let membership = pdu.content["membership"]?.stringValue ?? ""
        return same(membership, "leave") || same(membership, "ban")
    }

    /// "If a given key *K* is present in every *Sᵢ* with the same value *V* in each state map, then the pair (*K*, *V*)
    /// belongs to the *unconflicted state map*."
    package func unconflictedStateMap(_ states: [NaiveState]) -> NaiveState {
        var result = NaiveState()
        for entry in Set(states.flatMap(\.keys)) {
            let values = states.map { $0[entry] }
            if let value = values[0], values.allSatisfy({ $0 == value }) { result[entry] = value }
        }
        return result
    }

    /// "Otherwise, *V* belongs to the *conflicted state set*."
    package func conflictedStateSet(_ states: [NaiveState]) -> Set<EventID> {
        let unconflicted = unconflictedStateMap(states)
        var result: Set<EventID> = []
        for state in states {
            for (entry, value) in state where unconflicted[entry] == nil { result.insert(value) }
        }
        return result
    }

    /// "The *auth chain* of an event *E* is the set containing all of *E*'s auth events, all of *their* auth events, and so
    /// on recursively, stretching back to the start of the room."
    func authChain(of eventID: EventID) -> Set<EventID> {
        var chain: Set<EventID> = []
        var open = events[eventID]?.authEvents ?? []
        while let next = open.popLast() {
            guard let pdu = events[next], chain.insert(next).inserted else { continue }
            open += pdu.authEvents
        }
        return chain
    }

    /// "the full auth chain for each state *Sᵢ*, that is the union of the auth chains for each event in *Sᵢ*"
    func fullAuthChain(of state: NaiveState) -> Set<EventID> {
        state.values.reduce(into: []) { $0.formUnion(authChain(of: $1)) }
    }

    /// "If *Cᵢ* is the full auth chain of *Sᵢ*, then the auth difference is ∪ *Cᵢ* − ∩ *Cᵢ*."
    package func authDifference(_ states: [NaiveState]) -> Set<EventID> {
        let chains = states.map { fullAuthChain(of: $0) }
        guard let first = chains.first else { return [] }
        let union = chains.reduce(first) { $0.union($1) }
        let intersection = chains.reduce(first) { $0.intersection($1) }
        return union.subtracting(intersection)
    }

    /// v12: "Starting from an event in the *conflicted state set* and following `auth_events` edges may lead to another
    /// event in the conflicted state set. The union of all such paths between any pair of events in the conflicted state
    /// set (including endpoints) forms a subgraph of the original `auth_event` graph, called the *conflicted state
    /// subgraph*."
    ///
    /// An event is on such a path when it is in the auth chain of one conflicted event and has another in its own.
    package func conflictedStateSubgraph(_ conflicted: Set<EventID>) -> Set<EventID> {
        var result: Set<EventID> = []
        for start in conflicted {
            let chain = authChain(of: start)
            guard !chain.isDisjoint(with: conflicted) else { continue }
            result.insert(start)
            for between in chain
            where conflicted.contains(between) || !authChain(of: between).isDisjoint(with: conflicted) {
                result.insert(between)
            }
        }
        return result
    }

    /// "The *full conflicted set* is the union of the conflicted state set and the auth difference."
    ///
    /// v12: "The *full conflicted set* is the union of the conflicted state set, the conflicted state subgraph, and the auth
    /// difference."
    mutating func fullConflictedSet(_ states: [NaiveState]) -> Set<EventID> {
        let conflicted = conflictedStateSet(states).filter { events[$0] != nil }
        var result = conflicted.union(authDifference(states))
        trace.conflictedKeys = Set(states.flatMap(\.keys)).count - unconflictedStateMap(states).count
        trace.authDifference = result.count - conflicted.count
        if version.stateResolution == .v2_1 {
            let before = result.count
            result.formUnion(conflictedStateSubgraph(conflicted))
            trace.subgraph = result.count - before
        }
        return result
    }

    /// The event of an entry among the `auth_events` of an event.
    func authEvent(_ entry: NaiveStateKey, of pdu: PDU) -> EventID? {
        pdu.authEvents.first { events[$0].flatMap { NaiveStateKey($0) } == entry }
    }

    /// The room's create event: v12 names it by the room ID alone.
    var createByRoomID: EventID? { version.roomIDIsCreateHash ? roomID.createEventID : nil }

    func same(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }
}
