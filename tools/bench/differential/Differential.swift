import Glibc
import RoomVersions
import Simulation

/// Long runs over generated rooms: `differential rooms|mutations|servers [count] [first seed]`.
///
/// - `rooms` compares the fast state resolution with the word-for-word one.
/// - `mutations` feeds spoilt events to the parser, the authorization rules and the resolution.
/// - `servers` lets several servers act in one room until their views must agree.
///
/// Seeds go round the room versions. Ends with 1 when something is wrong, after naming the seeds; `differential rooms 1 SEED`
/// repeats one.
@main
enum Differential {
    /// The room version of a seed, by its remainder: each algorithm and each change of the authorization rules.
    private static let versions: [RoomVersion] = [
        .v1, .v2, .v12, .v3, .v1, .v6, .v12, .v8, .v1, .v10, .v12, .v11,
    ]

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let name = arguments.first ?? "rooms"
        let numbers = arguments.dropFirst().compactMap { UInt64($0) }
        let count = numbers.first ?? 100_000
        let firstSeed = numbers.dropFirst().first ?? 1
        print("\(name): \(count) rooms, seeds \(firstSeed) to \(firstSeed + max(count, 1) - 1)")
        let clock = ContinuousClock()
        let start = clock.now
        let lanes = (0..<2 as Range<UInt64>).map { stride(from: firstSeed + $0, to: firstSeed + count, by: 2) }
        let wrong =
            switch name {
            case "mutations": try await mutate(lanes)
            case "servers": try await simulate(lanes)
            default: try await compare(lanes)
            }
        print("\(wrong) rooms with something wrong, \(clock.now - start)")
        if wrong > 0 { exit(1) }
    }

    private static func version(of seed: UInt64) -> RoomVersion { versions[Int(seed % UInt64(versions.count))] }

    /// Does each lane's seeds in a task of its own.
    private static func run<Result: Sendable>(
        _ lanes: [StrideTo<UInt64>], _ body: @escaping @Sendable (StrideTo<UInt64>) throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: Result.self) { group in
            for lane in lanes { group.addTask { try body(lane) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    // MARK: Rooms

    private static func compare(_ lanes: [StrideTo<UInt64>]) async throws -> Int {
        var tallies = [ComparisonTally](repeating: ComparisonTally(), count: versions.count)
        for part in try await run(lanes, { try compare($0) }) {
            for index in tallies.indices { tallies[index].add(part[index]) }
        }
        let algorithms: [(String, StateResolution)] = [("v1", .v1), ("v2", .v2), ("v2.1", .v2_1)]
        for (name, algorithm) in algorithms {
            var sum = ComparisonTally()
            for (version, tally) in zip(versions, tallies) where version.stateResolution == algorithm { sum.add(tally) }
            report(sum, name)
        }
        return tallies.reduce(0) { $0 + $1.differing }
    }

    private static func compare(_ seeds: StrideTo<UInt64>) throws -> [ComparisonTally] {
        var tallies = [ComparisonTally](repeating: ComparisonTally(), count: versions.count)
        var shown = 0
        for seed in seeds {
            let index = Int(seed % UInt64(versions.count))
            let comparison = try Comparison(seed: seed, version: versions[index])
            tallies[index].add(comparison)
            for difference in comparison.differences where shown < 20 {
                print(difference)
                shown += 1
            }
        }
        return tallies
    }

    private static func report(_ tally: ComparisonTally, _ algorithm: String) {
        print("\(algorithm): \(tally.rooms) rooms, \(tally.tampered) with states no history explains,", terminator: " ")
        print("\(tally.resolutions) resolutions, of which with")
        for count in tally.counts where count.resolutions > 0 { print("    \(count.resolutions) \(count.name)") }
    }

    // MARK: Mutations

    private static func mutate(_ lanes: [StrideTo<UInt64>]) async throws -> Int {
        let parts = try await run(lanes) { seeds in
            var sums = [Int](repeating: 0, count: 5)
            for seed in seeds {
                let run = try MutationRun(seed: seed, version: version(of: seed), count: 40)
                for difference in run.differences.prefix(2) { print(difference) }
                let numbers = [run.mutated, run.parsed, run.allowed, run.resolved, run.differences.isEmpty ? 0 : 1]
                for (index, number) in numbers.enumerated() { sums[index] += number }
            }
            return sums
        }
        let sums = parts.reduce([Int](repeating: 0, count: 5)) { zip($0, $1).map(+) }
        print(
            "\(sums[0]) events spoilt, of which \(sums[1]) are still PDUs; \(sums[2]) verdicts allow,", terminator: " ")
        print("\(sums[3]) rooms with a spoilt event resolved; nothing trapped")
        return sums[4]
    }

    // MARK: Servers

    private static func simulate(_ lanes: [StrideTo<UInt64>]) async throws -> Int {
        let reports = try await run(lanes) { seeds in
            try seeds.map { seed in
                var room = try SimulatedRoom(seed: seed, version: version(of: seed))
                try room.run()
                for failure in room.report.failures { print(failure) }
                return room.report
            }
        }.flatMap { $0 }
        func sum(_ number: (SimulationReport) -> Int) -> Int { reports.reduce(0) { $0 + number($1) } }
        print(
            "\(sum(\.events)) events on four servers, \(sum(\.rejected)) rejected, \(sum(\.softFailed)) soft failures")
        print("\(sum(\.lost)) messages lost, \(sum(\.repeated)) repeated, \(sum(\.gaps)) events before what they name")
        print(
            "\(sum(\.resolutions)) resolutions; \(sum { $0.heads > 1 ? 1 : 0 }) rooms end with several heads",
            terminator: ", ")
        print("\(sum { $0.servers < 4 ? 1 : 0 }) with a server that is out of the room;", terminator: " ")
        print("\(sum { $0.isSplit ? 1 : 0 }) split by soft failures;", terminator: " ")
        print("at most \(reports.map(\.healingRounds).max() ?? 0) rounds until the extremities are equal")
        return sum { $0.failures.isEmpty ? 0 : 1 }
    }
}
