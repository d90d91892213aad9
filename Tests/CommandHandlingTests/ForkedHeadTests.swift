import CanonicalJSON
import CommandHandling
import EventLog
import InboundPDU
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import ProjectionEngine
import Queries
import ReadModel
import RoomVersions
import Simulation
import Testing

/// Local users in rooms whose head has several forward extremities.
@Suite("Local events in rooms with forks") struct ForkedHeadTests {
    private let pipeline = ReceiptPipeline { _, _ in .valid }

    private func receive(
        _ events: some Sequence<SimulatedRoom.Made>, _ room: SimulatedRoom, _ house: HouseFixture
    ) async throws {
        for event in events {
            let result = try await house.rooms.receive(
                event.object, room: room.roomID, version: room.version, from: try ServerName(parsing: "one"),
                requestID: "test", pipeline: pipeline)
            guard case .recorded = result else {
                Issue.record("\(result)")
                return
            }
        }
    }

    private func expectAudited(_ house: HouseFixture) throws {
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        for record in try house.log.read(from: LogPosition(rawValue: 1), limit: 5000) { try audit.check(record) }
        #expect(audit.differences.isEmpty)
        let live = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == live)
    }

    @Test(arguments: [(3, RoomVersion.v11), (3, .v2), (14, .v12), (14, .v10)])
    func aLocalEventFollowsTheHead(count: Int, version: RoomVersion) async throws {
        var room = try SimulatedRoom(seed: 5, version: version)
        try room.spread(over: count)
        let house = try HouseFixture()
        try await receive(room.made, room, house)
        let queries = RoomQueries(views: house.views)
        let before = try #require(try queries.head(room.roomID))
        #expect(before.forwardExtremities.count == count)
        let alice = try house.caller("alice")
        _ = try await house.rooms.join(room: room.roomID, extra: [:], caller: alice)
        let join = try #require(
            try queries.currentState(room.roomID, type: "m.room.member", stateKey: alice.userID.rawValue))
        let record = try #require(try house.log.record(at: join.position))
        let pdu = try PDU(parsing: PDURecorded(payload: record.payload).pdu, version: version)
        #expect(pdu.prevEvents.count == min(count, 10))
        #expect(Set(pdu.prevEvents.map(\.rawValue)).isSubset(of: before.forwardExtremities))
        let after = try #require(try queries.head(room.roomID))
        #expect(after.forwardExtremities.count == max(1, count - 10 + 1))
        // All branches are in the current state, whether the event names them or not.
        for number in 0..<count {
            #expect(try queries.currentState(room.roomID, type: "m.test", stateKey: "\(number)") != nil)
        }
        // The next one names the rest.
        _ = try await house.rooms.send(
            room: room.roomID, type: "m.room.message", content: ["body": "x"], transactionID: nil, caller: alice)
        #expect(try queries.head(room.roomID)?.forwardExtremities.count == 1)
        try expectAudited(house)
        try house.close()
    }

    @Test func localEventsAndBranchesArriveTogether() async throws {
        var room = try SimulatedRoom(seed: 6, version: .v11)
        let beginning = room.made
        try room.spread(over: 8)
        let house = try HouseFixture()
        try await receive(beginning, room, house)
        let alice = try house.caller("alice")
        _ = try await house.rooms.join(room: room.roomID, extra: [:], caller: alice)
        let roomID = room.roomID
        let branches = room.made.dropFirst(beginning.count)
        let world = room
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    _ = try await house.rooms.send(
                        room: roomID, type: "m.room.message", content: ["body": .string("\(number)")],
                        transactionID: "t\(number)", caller: alice)
                }
            }
            for start in stride(from: branches.startIndex, to: branches.endIndex, by: 2) {
                group.addTask { try await receive(branches[start..<(start + 2)], world, house) }
            }
            try await group.waitForAll()
        }
        let queries = RoomQueries(views: house.views)
        for number in 0..<8 {
            #expect(try queries.currentState(roomID, type: "m.test", stateKey: "\(number)") != nil)
        }
        #expect(try queries.head(roomID)?.eventCount == UInt64(beginning.count + 1 + 40 + 16))
        try expectAudited(house)
        try house.close()
    }
}
