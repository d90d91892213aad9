import Glibc
import RoomVersions
import Simulation

/// Compares the fast state resolution with the naive one on generated rooms: `differential [rooms] [first seed]`.
///
/// Seeds go round the room versions, so that each has its share. Ends with 1 when the two differ, after naming the rooms;
/// `differential 1 SEED` repeats one.
@main
enum Differential {
    /// The room version of a seed, by its remainder: each algorithm and each change of the authorization rules.
    private static let versions: [RoomVersion] = [
        .v1, .v2, .v12, .v3, .v1, .v6, .v12, .v8, .v1, .v10, .v12, .v11,
    ]

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().map { UInt64($0) ?? 0 }
        let count = arguments.first ?? 100_000
        let firstSeed = arguments.dropFirst().first ?? 1
        print("\(count) rooms, seeds \(firstSeed) to \(firstSeed + max(count, 1) - 1)")
        let clock = ContinuousClock()
        let start = clock.now
        let lanes: UInt64 = 2
        let tallies = try await withThrowingTaskGroup(of: [ComparisonTally].self) { group in
            for lane in 0..<lanes {
                group.addTask { try compare(stride(from: firstSeed + lane, to: firstSeed + count, by: Int(lanes))) }
            }
            var sum = [ComparisonTally](repeating: ComparisonTally(), count: versions.count)
            for try await part in group {
                for index in sum.indices { sum[index].add(part[index]) }
            }
            return sum
        }
        let algorithms: [(String, StateResolution)] = [("v1", .v1), ("v2", .v2), ("v2.1", .v2_1)]
        for (name, algorithm) in algorithms {
            var sum = ComparisonTally()
            for (version, tally) in zip(versions, tallies) where version.stateResolution == algorithm {
                sum.add(tally)
            }
            report(sum, name)
        }
        let differing = tallies.reduce(0) { $0 + $1.differing }
        print("\(differing) rooms differ, \(clock.now - start)")
        if differing > 0 { exit(1) }
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
}
