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

/// The checks on the answer to `send_join`, and on what servers say of a room afterwards.
@Suite("Answers that make no room") struct AdoptionRefusalTests {
    private func scene(
        _ version: RoomVersion = .v11, seed: UInt64 = 4
    ) throws -> (adopted: AdoptedRoom, join: SimulatedRoom.Made) {
        var room = try SimulatedRoom(seed: seed, version: version)
        try room.grow(by: 5)
        let join = try #require(
            try room.send(
                EventMaker.Draft("m.room.member", AdoptedRoom.joiner, by: AdoptedRoom.joiner, ["membership": "join"])))
        return (try AdoptedRoom(house: try HouseFixture(seed: seed), room: room, seed: seed), join)
    }

    private func adoption(
        _ adopted: AdoptedRoom, _ join: SimulatedRoom.Made, without hidden: Set<EventID> = [],
        stateWithout lacking: Set<EventID> = [], extra: [ReceivedPDU] = []
    ) throws -> RoomAdoption {
        let chain = adopted.room.authChain(of: Array(join.before.values) + [join.eventID])
        return RoomAdoption(
            join: try adopted.prepared(join),
            state: try adopted.events(of: join.before).filter {
                !lacking.contains($0.eventID) && !hidden.contains($0.eventID)
            }.map(adopted.prepared) + extra,
            authChain: try chain.filter { !hidden.contains($0.eventID) }.map(adopted.prepared))
    }

    private func adopt(_ adopted: AdoptedRoom, _ adoption: RoomAdoption) async throws -> RoomCommands.Recorded {
        try await adopted.house.rooms.adopt(
            adoption, room: adopted.room.roomID, version: adoption.join.version, from: adopted.origin,
            requestID: "join")
    }

    private func holder(_ join: SimulatedRoom.Made, _ type: String) throws -> EventID {
        try #require(join.before[NaiveStateKey(type, "")])
    }

    @Test func anAnswerWithoutWhatTheRoomRestsOnIsRefused() async throws {
        let (adopted, join) = try scene()
        let create = try holder(join, "m.room.create")
        await #expect(throws: AdoptionFault.noCreateEvent) {
            _ = try await adopt(adopted, adoption(adopted, join, stateWithout: [create]))
        }
        let levels = try holder(join, "m.room.power_levels")
        await #expect(throws: AdoptionFault.missingAuthEvent(levels)) {
            _ = try await adopt(adopted, adoption(adopted, join, without: [levels]))
        }
        let rules = try holder(join, "m.room.join_rules")
        do {
            _ = try await adopt(adopted, adoption(adopted, join, stateWithout: [rules]))
            Issue.record("joined a room that lets nobody in")
        } catch AdoptionFault.joinRefused(let rule, _) {
            #expect(!rule.isEmpty)
        }
        let topic = try #require(adopted.room.made.first { !join.before.values.contains($0.eventID) && $0.pdu.isState })
        let doubled = try adopted.prepared(topic)
        let stateKey = try #require(topic.pdu.stateKey)
        await #expect(throws: AdoptionFault.contradictoryState(StateEntry(topic.pdu.type, stateKey))) {
            _ = try await adopt(adopted, adoption(adopted, join, extra: [doubled]))
        }
        let other = try #require(adopted.room.made.first { $0.pdu.type == "m.room.member" })
        await #expect(throws: AdoptionFault.notAJoin) {
            _ = try await adopt(
                adopted, RoomAdoption(join: adopted.prepared(topic), state: [adopted.prepared(other)], authChain: []))
        }
        #expect(try adopted.house.log.read(from: LogPosition(rawValue: 1), limit: 10).allSatisfy(\.kind.isSystem))
        _ = try await adopt(adopted, adoption(adopted, join))
        await #expect(throws: AdoptionFault.alreadyKnown(join.eventID)) {
            _ = try await adopt(adopted, adoption(adopted, join))
        }
        try adopted.house.close()
    }

    @Test func aRoomOfAnotherVersionIsRefused() async throws {
        let (adopted, join) = try scene(.v10)
        func prepared(_ event: SimulatedRoom.Made) throws -> ReceivedPDU {
            try adopted.pipeline.prepare(event.object, room: adopted.room.roomID, version: .v9)
        }
        let chain = adopted.room.authChain(of: Array(join.before.values) + [join.eventID])
        let other = try RoomAdoption(
            join: prepared(join), state: adopted.events(of: join.before).map(prepared), authChain: chain.map(prepared))
        await #expect(throws: AdoptionFault.wrongVersion) {
            _ = try await adopted.house.rooms.adopt(
                other, room: adopted.room.roomID, version: .v9, from: adopted.origin, requestID: "join")
        }
        await #expect(throws: AdoptionFault.wrongVersion) {
            _ = try await adopted.house.rooms.adopt(
                adoption(adopted, join), room: adopted.room.roomID, version: .v9, from: adopted.origin,
                requestID: "join")
        }
        try adopted.house.close()
    }

    /// An event of the room that somebody made up.
    private func forged(
        _ adopted: AdoptedRoom, _ draft: EventMaker.Draft, auth: [EventID], after previous: [EventID] = []
    ) throws -> ReceivedPDU {
        let maker = EventMaker(version: adopted.room.version, roomID: adopted.room.roomID)
        let object = maker.object(
            draft, at: EventMaker.Place(prevEvents: previous, authEvents: auth, depth: 50, time: 1_700_000_000_009),
            eventID: try EventID(parsing: "$forged:one"))
        let key = try SigningKey(seed: [UInt8](repeating: 9, count: 32), keyID: "ed25519:1")
        let signed = try EventSigner.sign(
            draft: object, version: adopted.room.version, server: try ServerName(parsing: "one"), key: key)
        return try adopted.pipeline.prepare(signed.object, room: adopted.room.roomID, version: adopted.room.version)
    }

    private func expectAudited(_ house: HouseFixture) throws {
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        for record in try house.log.read(from: LogPosition(rawValue: 1), limit: 5000) { try audit.check(record) }
        #expect(audit.differences.isEmpty)
        let live = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == live)
    }

    @Test(arguments: [RoomVersion.v6, .v11, .v12])
    func whatTheRulesForbidHoldsNoEntry(version: RoomVersion) async throws {
        let (adopted, join) = try scene(version)
        let levels = try holder(join, "m.room.power_levels")
        let auth = version.createNotInAuthEvents ? [levels] : [try holder(join, "m.room.create"), levels]
        let draft = EventMaker.Draft("m.test", "forged", by: "@stranger:two")
        let forbidden = try forged(adopted, draft, auth: auth)
        let baseless = try forged(adopted, draft, auth: auth + [EventID(parsing: "$unknown")])
        let message = try forged(
            adopted, EventMaker.Draft("m.room.message", nil, by: "@a:one", ["body": "x"]), auth: auth)
        let recorded = try await adopt(adopted, adoption(adopted, join, extra: [forbidden, baseless, message]))
        #expect(recorded.droppedCount == 2)
        let rooms = RoomQueries(views: adopted.house.views)
        #expect(try rooms.currentState(adopted.room.roomID, type: "m.test", stateKey: "forged") == nil)
        let stored = try #require(try rooms.event(forbidden.eventID))
        #expect(stored.fields.flags.isSuperset(of: [.rejected, .outlier]))
        #expect(try rooms.event(baseless.eventID) == nil)
        #expect(try rooms.event(message.eventID) == nil)
        try expectAudited(adopted.house)
        try adopted.house.close()
    }

    @Test func aGivenStateThatIsNoneIsRefused() async throws {
        let (adopted, join) = try scene()
        _ = try await adopt(adopted, adoption(adopted, join))
        let create = try holder(join, "m.room.create")
        let auth =
            [create, try holder(join, "m.room.power_levels")]
            + [join.before[NaiveStateKey("m.room.member", "@a:one")]].compactMap { $0 }
        let event = try forged(
            adopted, EventMaker.Draft("m.room.message", nil, by: "@a:one", ["body": "x"]), auth: auth,
            after: [EventID(parsing: "$lost")])
        let house = adopted.house
        func receive(_ state: [EventID]?) async throws -> ReceiptResult {
            try await house.rooms.receive(
                event, room: adopted.room.roomID, from: adopted.origin, requestID: "t", pipeline: adopted.pipeline,
                past: PastPlace(stateBefore: state))
        }
        let state = Array(join.before.values)
        #expect(try await receive(nil) == .missing(previous: [EventID(parsing: "$lost")], auth: []))
        let unknown = try EventID(parsing: "$nobodyKnows")
        #expect(try await receive(state + [unknown]) == .missing(previous: [], auth: [unknown]))
        await #expect(throws: DroppedPDU.self) { try await receive(state.filter { $0 != create }) }
        // The user's own join is an entry that somebody else's event holds too.
        await #expect(throws: DroppedPDU.self) {
            let topics = adopted.room.made.filter { $0.pdu.type == "m.room.topic" && !$0.isRejected }
            let unused = try #require(topics.first { !state.contains($0.eventID) })
            try await house.rooms.recordOutliers(
                [adopted.prepared(unused)], room: adopted.room.roomID, version: .v11, from: adopted.origin,
                requestID: "t")
            _ = try await receive(state + [unused.eventID])
        }
        let mayWrite = try await receive(state)
        guard case .recorded = mayWrite else {
            Issue.record("\(mayWrite)")
            return
        }
        try expectAudited(house)
        try house.close()
    }

    @Test func eventsThatLeadNowhereAreNotBackfilled() async throws {
        let (adopted, join) = try scene()
        _ = try await adopt(adopted, adoption(adopted, join))
        let stray = try forged(
            adopted, EventMaker.Draft("m.room.message", nil, by: "@a:one", ["body": "x"]),
            auth: [holder(join, "m.room.create")], after: [join.eventID])
        let result = try await adopted.house.rooms.backfill(
            [stray], stateBefore: [:], room: adopted.room.roomID, from: adopted.origin, requestID: "t",
            pipeline: adopted.pipeline)
        #expect(result.dropped == [stray.eventID] && result.recorded.isEmpty && result.missing.isEmpty)
        // Without the state before it, what is missing is named.
        let previous = try #require(join.previous.first.flatMap { adopted.room.byID[$0] })
        let bare = try await adopted.house.rooms.backfill(
            [adopted.prepared(previous)], stateBefore: [:], room: adopted.room.roomID, from: adopted.origin,
            requestID: "t", pipeline: adopted.pipeline)
        #expect(bare.recorded.isEmpty)
        #expect(Set(bare.missing[previous.eventID] ?? []).isSuperset(of: previous.previous))
        try adopted.house.close()
    }

    @Test(arguments: [RoomVersion.v6, .v12]) func whoComesBackAdoptsAgain(version: RoomVersion) async throws {
        var room = try SimulatedRoom(seed: 8, version: version)
        try room.grow(by: 8)
        let user = AdoptedRoom.joiner
        let first = try #require(
            try room.send(EventMaker.Draft("m.room.member", user, by: user, ["membership": "join"])))
        let leave = try #require(
            try room.send(EventMaker.Draft("m.room.member", user, by: user, ["membership": "leave"])))
        try room.grow(by: 20)
        let second = try #require(
            try room.send(EventMaker.Draft("m.room.member", user, by: user, ["membership": "join"])))
        let last = try #require(try room.send(EventMaker.Draft("m.room.message", nil, by: user, ["body": "back"])))
        let house = try HouseFixture(seed: 8)
        var adopted = try AdoptedRoom(house: house, room: room, seed: 8)
        try await adopted.adopt(first)
        try await adopted.receive(leave)
        try await adopted.adopt(second)
        try await adopted.receive(last)
        let rooms = RoomQueries(views: house.views)
        func state(_ point: StatePoint) throws -> Set<EventID> {
            Set(try #require(try rooms.fullState(room.roomID, at: point)).map(\.eventID))
        }
        for event in [first, leave, second, last] {
            #expect(try state(.before(event.eventID)) == Set(event.before.values))
            #expect(try state(.after(event.eventID)) == Set(event.after.values))
        }
        #expect(try rooms.head(room.roomID)?.forwardExtremities == [last.eventID.rawValue])
        let current = try rooms.fullState(room.roomID).map(\.eventID)
        #expect(Set(current) == Set(last.after.values))
        while try await adopted.backfillChunk() {}
        #expect(Set(try rooms.fullState(room.roomID).map(\.eventID)) == Set(last.after.values))
        try expectAudited(house)
        try house.close()
    }
}
