import RoomVersions
import Simulation
import Testing

struct GeneratedRoomTests {
    @Test func sameSeedMakesTheSameRoom() throws {
        for version in RoomVersion.all {
            let one = try GeneratedRoom.generate(seed: 4, version: version)
            let other = try GeneratedRoom.generate(seed: 4, version: version)
            #expect(one.order == other.order)
            #expect(one.questions == other.questions)
            #expect(one.rejected == other.rejected)
            #expect(one.questions.allSatisfy { $0.count >= 2 })
        }
    }
}
