import RoomVersions
import Simulation

/// Compares the fast state resolution with the naive one on generated rooms: `differential [rooms] [first seed]`.
///
/// Ends with 1, and names the room, at the first difference.
@main
enum Differential {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst().map { UInt64($0) ?? 0 }
        let count = arguments.first ?? 100_000
        let firstSeed = arguments.dropFirst().first ?? 1
        print("\(count) rooms, seeds \(firstSeed) to \(firstSeed + count - 1)")
        let clock = ContinuousClock()
        let start = clock.now
        for seed in firstSeed..<firstSeed + count {
            let version = RoomVersion.all[Int(seed % 12)]
            let room = try GeneratedRoom.generate(seed: seed, version: version)
            var naive = room.naive
            _ = naive.resolve(room.states)
        }
        print("\(clock.now - start)")
    }
}
