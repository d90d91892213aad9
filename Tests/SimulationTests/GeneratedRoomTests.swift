import RoomVersions
import Simulation
import Testing

struct GeneratedRoomTests {
    @Test func sameSeedMakesTheSameRoom() throws {
        for version in RoomVersion.all {
            let one = try GeneratedRoom.generate(seed: 4, version: version)
            let other = try GeneratedRoom.generate(seed: 4, version: version)
            #expect(one.order == other.order)
            #expect(one.states == other.states)
            #expect(one.rejected == other.rejected)
            #expect(one.states.count >= 2)
        }
    }

    /// The generated rooms must reach what resolution is hard about, or comparing on them says nothing.
    @Test func roomsMeetEveryKindOfConflict() throws {
        for version in [RoomVersion.v1, .v2, .v6, .v10, .v11, .v12] {
            var sum = NaiveTrace()
            for seed in 0..<200 as Range<UInt64> {
                let room = try GeneratedRoom.generate(seed: seed, version: version)
                var naive = room.naive
                _ = naive.resolve(room.states)
                sum.conflictedKeys += naive.trace.conflictedKeys
                sum.powerEvents += naive.trace.powerEvents
                sum.authDifference += naive.trace.authDifference
                sum.subgraph += naive.trace.subgraph
                sum.orderTies += naive.trace.orderTies
                sum.powerTies += naive.trace.powerTies
                sum.refused += naive.trace.refused
                sum.fallBacks += naive.trace.fallBacks
                sum.rejectedAuthEvents += naive.trace.rejectedAuthEvents
            }
            #expect(sum.conflictedKeys > 200)
            #expect(sum.powerEvents > 20)
            #expect(sum.orderTies > 5)
            #expect(sum.refused > 5)
            if version.stateResolution == .v1 { continue }
            #expect(sum.authDifference > 50)
            #expect(sum.powerTies > 5)
            #expect(sum.fallBacks > 5)
            #expect(sum.rejectedAuthEvents > 0)
            if version.stateResolution == .v2_1 { #expect(sum.subgraph > 5) }
        }
    }
}
