import RoomVersions
import Simulation
import Testing

/// Several servers in one room: whatever is late, lost or repeated, all views end up the same.
struct ConvergenceTests {
    @Test(arguments: RoomVersion.all)
    func viewsConverge(version: RoomVersion) throws {
        var resolutions = 0
        for seed in 1...3 as ClosedRange<UInt64> {
            var room = try SimulatedRoom(seed: seed, version: version)
            try room.run(actions: 30)
            #expect(room.report.failures == [])
            #expect(room.report.sent > 15)
            #expect(room.report.lost > 0)
            resolutions += room.report.resolutions
        }
        #expect(resolutions > 10)
    }

    @Test func sameSeedGoesTheSameWay() throws {
        var one = try SimulatedRoom(seed: 7, version: .v11)
        var other = try SimulatedRoom(seed: 7, version: .v11)
        try one.run(actions: 25)
        try other.run(actions: 25)
        #expect(one.report.events == other.report.events)
        #expect(one.report.softFailed == other.report.softFailed)
        #expect(one.report.resolutions == other.report.resolutions)
    }
}
