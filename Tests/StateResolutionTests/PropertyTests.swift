import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Simulation
import TestSupport
import Testing

/// What must hold of every resolution.
@Suite struct PropertyTests {
    private static let seeds = 500..<505 as Range<UInt64>

    @Test(arguments: RoomVersion.all)
    func orderOfInputDoesNotMatter(version: RoomVersion) throws {
        for seed in Self.seeds {
            let room = try GeneratedRoom.generate(seed: seed, version: version)
            let fast = try FastResolution(room)
            var random = SeededRandom(seed: seed)
            for states in room.questions {
                let expected = try fast.resolve(states)
                #expect(try fast.resolve(states.reversed()) == expected, "seed \(seed)")
                #expect(try fast.resolve(states.shuffled(using: &random)) == expected, "seed \(seed)")
                // A state that comes twice says nothing new.
                #expect(try fast.resolve(states + states.prefix(1)) == expected, "seed \(seed)")
                #expect(try fast.resolve(states, from: [:]) == expected, "seed \(seed)")
                #expect(try fast.resolve(states, from: expected) == expected, "seed \(seed)")
            }
        }
    }

    @Test(arguments: RoomVersion.all)
    func orderOfArrivalDoesNotMatter(version: RoomVersion) throws {
        var shuffled = 0
        for seed in Self.seeds {
            let room = try GeneratedRoom.generate(seed: seed, version: version)
            let first = try FastResolution(room)
            var random = SeededRandom(seed: seed)
            let order = room.shuffledOrder(&random)
            #expect(order.count == room.order.count)
            if order != room.order { shuffled += 1 }
            let second = try FastResolution(
                version: version, events: room.events, order: order, rejected: room.rejected)
            for states in room.questions {
                #expect(try first.resolve(states) == second.resolve(states), "seed \(seed)")
            }
        }
        #expect(shuffled > 2)
    }

    @Test(arguments: RoomVersion.all)
    func stateResolvedWithItselfIsItself(version: RoomVersion) throws {
        for seed in Self.seeds {
            let room = try GeneratedRoom.generate(seed: seed, version: version)
            let fast = try FastResolution(room)
            for state in room.questions.joined() {
                #expect(try fast.resolve([state]) == state, "seed \(seed)")
                #expect(try fast.resolve([state, state]) == state, "seed \(seed)")
                #expect(try fast.resolve([state, state, state], from: [:]) == state, "seed \(seed)")
            }
        }
    }

    /// Nothing is invented: an entry comes from a state or from the auth events that the definitions add.
    @Test(arguments: RoomVersion.all)
    func entriesComeFromTheInput(version: RoomVersion) throws {
        for seed in Self.seeds {
            let room = try GeneratedRoom.generate(seed: seed, version: version)
            let fast = try FastResolution(room)
            for states in room.questions {
                var sources = Set(states.flatMap(\.values))
                if version.stateResolution != .v1 { sources.formUnion(room.naive.authDifference(states)) }
                if version.stateResolution == .v2_1 {
                    sources.formUnion(room.naive.conflictedStateSubgraph(room.naive.conflictedStateSet(states)))
                }
                let resolved = try fast.resolve(states)
                for (entry, eventID) in resolved {
                    #expect(sources.contains(eventID) && room.events[eventID]?.type == entry.type, "seed \(seed)")
                }
                for (entry, eventID) in room.naive.unconflictedStateMap(states) {
                    #expect(resolved[entry] == eventID, "seed \(seed)")
                }
            }
        }
    }

    /// A state that lacks everything conflicts with all.
    @Test func emptyAndMissingStatesAreStates() throws {
        for version in RoomVersion.all {
            let room = try GeneratedRoom.generate(seed: 9, version: version)
            let fast = try FastResolution(room)
            var naive = room.naive
            #expect(try fast.resolve([[:]]) == [:])
            #expect(try fast.resolve([[:], [:]]) == [:])
            for states in room.questions {
                let withEmpty = states + [[:]]
                #expect(try fast.resolve(withEmpty) == naive.resolve(withEmpty))
            }
        }
    }
}

/// Spoilt events end nothing, and both resolutions agree on them.
struct PropertyMutationTests {
    @Test(arguments: RoomVersion.all)
    func noMutationTraps(version: RoomVersion) throws {
        var parsed = 0
        var resolved = 0
        for seed in 0..<3 as Range<UInt64> {
            let run = try MutationRun(seed: seed, version: version, count: 60)
            #expect(run.differences == [])
            parsed += run.parsed
            resolved += run.resolved
        }
        #expect(parsed > 10)
        #expect(resolved > 5)
    }
}
