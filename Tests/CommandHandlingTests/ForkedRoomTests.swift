import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import EventSigning
import InboundPDU
import KeyValueStore
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import ProjectionEngine
import Queries
import ReadModel
import RoomVersions
import Simulation
import Testing

@Suite("Rooms with forks, received") struct ForkedRoomTests {
    private let pipeline = ReceiptPipeline { _, _ in .valid }

    private func receive(
        _ event: SimulatedRoom.Made, _ room: SimulatedRoom, _ house: HouseFixture
    ) async throws -> ReceiptResult {
        try await house.rooms.receive(
            event.object, room: room.roomID, version: room.version, from: try ServerName(parsing: "one"),
            requestID: "test", pipeline: pipeline)
    }

    private func named(
        _ snapshot: StateSnapshot, _ transaction: borrowing ReadTransaction, _ tables: ViewTables
    ) throws -> NaiveState {
        var state: NaiveState = [:]
        for (slot, holder) in try transaction.entries(tables, snapshot) {
            let name = try #require(try transaction.slotName(tables, slot))
            let row = try #require(try transaction.eventRow(tables, holder))
            state[NaiveStateKey(name.type, name.stateKey)] = try EventID(parsing: row.eventID())
        }
        return state
    }

    /// Receives a whole room and expects what the specification's text gives, at every event.
    private func expectNaive(seed: UInt64, _ version: RoomVersion, events: Int) async throws {
        var room = try SimulatedRoom(seed: seed, version: version)
        try room.grow(by: events)
        let house = try HouseFixture(seed: seed)
        var extremities: [EventID] = []
        var current: NaiveState = [:]
        var verdicts: Set<PDURecorded.Verdict> = []
        let context = Comment("seed \(seed), version \(version.id)")
        for event in room.delivery() {
            var expected = PDURecorded.Verdict.accepted
            if event.isRejected {
                expected = .rejected
            } else if !event.previous.isEmpty, !room.isAllowed(event.pdu, event.eventID, current) {
                expected = .softFailed
            }
            verdicts.insert(expected)
            try #expect(await receive(event, room, house) == .recorded(expected, wasKnown: false), context)
            guard expected == .accepted else { continue }
            extremities = extremities.filter { !event.previous.contains($0) } + [event.eventID]
            current = room.resolve(extremities.compactMap { room.byID[$0]?.after })
        }
        if let first = room.made.first {
            try #expect(await receive(first, room, house) == .recorded(.accepted, wasKnown: true))
        }
        try house.views.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room.roomID.rawValue))
            for event in room.made {
                let position = try #require(try transaction.eventPosition(tables, event.eventID.rawValue))
                let before = try transaction.snapshot(tables, number, before: position)
                let after = try transaction.snapshot(tables, number, after: position)
                try #expect(named(before, transaction, tables) == event.before, context)
                try #expect(named(after, transaction, tables) == event.after, context)
            }
            let head = try #require(try transaction.roomHead(tables, number))
            #expect(Set(head.forwardExtremities) == Set(extremities.map(\.rawValue)), context)
            let now = StateSnapshot(room: number, base: try house.views.head(in: transaction))
            try #expect(named(now, transaction, tables) == current, context)
            let joined = current.values.compactMap { room.byID[$0]?.pdu }.filter {
                $0.type == "m.room.member" && $0.content["membership"]?.stringValue == "join"
            }
            #expect(Int(head.joinedCount) == joined.count, context)
        }
        try expectAudited(house, context)
        let live = try house.engine.digests()
        try house.engine.rebuild()
        try #expect(house.engine.digests() == live, context)
        #expect(verdicts.contains(.rejected) || events < 60, context)
        try house.close()
    }

    private func expectAudited(_ house: HouseFixture, _ context: Comment) throws {
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        for record in try house.log.read(from: LogPosition(rawValue: 1), limit: 5000) { try audit.check(record) }
        #expect(audit.differences.isEmpty, context)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func everyStateIsTheNaiveOne(seed: UInt64) async throws {
        for version in [RoomVersion.v1, .v6, .v11, .v12] {
            try await expectNaive(seed: seed, version, events: 60)
        }
    }

    @Test func aMissingEventIsNamed() async throws {
        var room = try SimulatedRoom(seed: 3, version: .v11)
        try room.grow(by: 3)
        let house = try HouseFixture()
        for event in room.made.prefix(6) { _ = try await receive(event, room, house) }
        let late = room.made[7]
        let result = try await receive(late, room, house)
        #expect(
            result == .missing(previous: late.previous, auth: late.pdu.authEvents.filter { $0 == room.made[6].eventID })
        )
        let queries = RoomQueries(views: house.views)
        #expect(try queries.event(late.eventID) == nil)
        _ = try await receive(room.made[6], room, house)
        try #expect(await receive(late, room, house) == .recorded(.accepted, wasKnown: false))
        try house.close()
    }

    @Test func aPDUWithAWrongHashIsRedactedAndOneOfNoFormatDropped() async throws {
        let room = try SimulatedRoom(seed: 4, version: .v11)
        let house = try HouseFixture()
        for event in room.made.prefix(4) { _ = try await receive(event, room, house) }
        var object = room.made[4].object
        object["content"] = ["membership": "join", "displayname": "forged"]
        let result = try await house.rooms.receive(
            object, room: room.roomID, version: .v11, from: try ServerName(parsing: "one"), requestID: "test",
            pipeline: pipeline)
        #expect(result == .recorded(.accepted, wasKnown: false))
        let stored = try #require(try RoomQueries(views: house.views).event(room.made[4].eventID))
        #expect(try stored.content()["displayname"] == nil)
        try expectAudited(house, "redacted")
        object["type"] = 5
        await #expect(throws: DroppedPDU.self) {
            try await house.rooms.receive(
                object, room: room.roomID, version: .v11, from: try ServerName(parsing: "one"), requestID: "test",
                pipeline: pipeline)
        }
        let refusing = ReceiptPipeline { _, _ in SignatureOutcome(isValid: false) }
        await #expect(throws: DroppedPDU.self) {
            try await house.rooms.receive(
                room.made[5].object, room: room.roomID, version: .v11, from: try ServerName(parsing: "one"),
                requestID: "test", pipeline: refusing)
        }
        try house.close()
    }
}
