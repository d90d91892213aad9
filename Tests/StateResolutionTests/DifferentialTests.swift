import RoomVersions
import Simulation
import Testing

/// The fast resolution against the word-for-word one; `tools/bench/differential` does the same at length.
struct DifferentialTests {
    /// Each room is resolved three times by the naive and six times by the fast one.
    @Test(arguments: RoomVersion.all)
    func fastAgreesWithNaive(version: RoomVersion) throws {
        var tally = ComparisonTally()
        for seed in 0..<30 as Range<UInt64> {
            let comparison = try Comparison(seed: seed, version: version)
            #expect(comparison.differences.isEmpty, "\(comparison.differences.first ?? "")")
            tally.add(comparison)
        }
        // The rooms must reach what is hard, or agreeing on them says nothing.
        for count in tally.counts where count.isReached(by: version.stateResolution) {
            #expect(count.resolutions > 0, "\(count.name) in room version \(version)")
        }
        #expect(tally.tampered > 0)
    }
}
