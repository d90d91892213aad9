import RoomVersions
import TestSupport
import Testing

@testable import StateResolution

/// The full conflicted set, found by way of the index, against its definition.
struct FastConflictTests {
    /// States with a shared past, the conflicted events and the source.
    private struct Case {
        let source: FastGraphFixture
        let states: [[StateSlot: EventNumber]]
        let conflicted: Set<EventNumber>
        let unconflicted: [StateSlot: EventNumber]

        init(seed: UInt64) {
            var random = SeededRandom(seed: seed)
            let count = Int.random(in: 5...90, using: &random)
            source = FastGraphFixture(
                eventCount: count, slotCount: Int.random(in: 2...40, using: &random), using: &random)
            let shared = source.state(below: Int.random(in: 1...count, using: &random), using: &random)
            var states: [[StateSlot: EventNumber]] = []
            for _ in 0..<Int.random(in: 2...5, using: &random) {
                let own = source.state(below: count, using: &random)
                let changes = Int.random(in: 0...6, using: &random)
                var state = shared
                for (slot, event) in own.sorted(by: { $0.key < $1.key }).shuffled(using: &random).prefix(changes) {
                    state[slot] = event
                }
                states.append(state)
            }
            self.states = states
            var conflicted: Set<EventNumber> = []
            var unconflicted: [StateSlot: EventNumber] = [:]
            for slot in Set(states.flatMap(\.keys)) {
                let values = states.map { $0[slot] }
                if let first = values[0], values.allSatisfy({ $0 == first }) {
                    unconflicted[slot] = first
                } else {
                    conflicted.formUnion(values.compactMap { $0 })
                }
            }
            self.conflicted = conflicted
            self.unconflicted = unconflicted
        }

        func reader(_ version: RoomVersion) throws -> ResolutionReader {
            try ResolutionReader(source: source, version: version, newest: nil)
        }

        var found: ConflictedState {
            get throws { try ConflictedState(ResolutionInput(states: states), absenceConflicts: true) }
        }

        var authDifference: Set<EventNumber> {
            let chains = states.map { source.authChain(of: $0.values) }
            let all = chains.reduce(into: Set<EventNumber>()) { $0.formUnion($1) }
            return all.subtracting(chains.dropFirst().reduce(chains[0]) { $0.intersection($1) })
        }

        var subgraph: Set<EventNumber> {
            var result = conflicted
            for number in source.rows.indices.map({ EventNumber(UInt32($0)) }) {
                let isAbove = !source.authChain(of: [number]).isDisjoint(with: conflicted)
                if isAbove, source.authChain(of: conflicted).contains(number) { result.insert(number) }
            }
            return result
        }
    }

    @Test(arguments: 0..<150) func fullConflictedSetIsAsDefined(seed: Int) throws {
        let world = Case(seed: UInt64(seed))
        let states = try world.found
        let found = Set(states.slots.filter(\.isConflicted).flatMap { $0.candidates.map(\.event) })
        #expect(found == world.conflicted)
        for slot in 0..<40 {
            #expect(
                try states.unconflictedEvent(at: StateSlot(UInt32(slot))) == world.unconflicted[StateSlot(UInt32(slot))]
            )
        }
        let v2 = try FullConflictedSet(of: states, reader: world.reader(.v11))
        #expect(v2.events == world.conflicted.union(world.authDifference))
        let v21 = try FullConflictedSet(of: states, reader: world.reader(.v12))
        #expect(v21.events == world.conflicted.union(world.authDifference).union(world.subgraph))
    }

    @Test(arguments: 0..<60) func subgraphIsTheSameWhicheverWayItIsSought(seed: Int) throws {
        let world = Case(seed: UInt64(seed) &+ 20_000)
        guard !world.conflicted.isEmpty else { return }
        for limit in [1, 2, 4, 8, 1_000] {
            let found = try ConflictedSubgraph.find(
                from: world.conflicted, to: world.conflicted, reader: world.reader(.v12), ascentLimit: limit)
            #expect(found == world.subgraph)
        }
    }

    @Test(arguments: 0..<60) func powerEventsBringTheirAuthChains(seed: Int) throws {
        let world = Case(seed: UInt64(seed) &+ 10_000)
        for version in [RoomVersion.v2, .v12] {
            let reader = try world.reader(version)
            let conflicted = try FullConflictedSet(of: world.found, reader: reader)
            var expected: Set<EventNumber> = []
            for event in conflicted.events where world.source.rows[Int(event.rawValue)].isPowerEvent {
                expected.insert(event)
                expected.formUnion(world.source.authChain(of: [event]).intersection(conflicted.events))
            }
            #expect(try PowerEventSelection.select(from: conflicted, reader: reader) == expected)
        }
    }
}
