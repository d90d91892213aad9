import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
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
import TestSupport
import Testing

@Suite("Rooms whose beginning lies elsewhere") struct AdoptedRoomTests {
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

    /// The events with their place here, and how they were judged.
    private func places(
        _ adopted: AdoptedRoom, _ transaction: borrowing ReadTransaction, _ tables: ViewTables
    ) throws -> [EventID: (position: LogPosition, row: EventRow.Fields)] {
        var found: [EventID: (position: LogPosition, row: EventRow.Fields)] = [:]
        for event in adopted.room.made {
            guard let position = try transaction.eventPosition(tables, event.eventID.rawValue),
                let row = try transaction.eventRow(tables, position), !row.flags.contains(.outlier)
            else { continue }
            found[event.eventID] = (position, row.fields)
        }
        return found
    }

    private func expectStates(_ adopted: AdoptedRoom, _ context: Comment) throws {
        let room = adopted.room
        try adopted.house.views.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room.roomID.rawValue))
            let places = try places(adopted, transaction, tables)
            for event in room.made {
                guard let place = places[event.eventID] else { continue }
                #expect(place.row.flags.contains(.rejected) == event.isRejected, context)
                let before = try transaction.snapshot(tables, number, before: place.position)
                let after = try transaction.snapshot(tables, number, after: place.position)
                try #expect(named(before, transaction, tables) == event.before, context)
                try #expect(named(after, transaction, tables) == event.after, context)
            }
            // What is accepted and came at its time, and nothing accepted follows it.
            let accepted = room.made.filter { event in
                places[event.eventID]?.row.flags.isDisjoint(with: [.rejected, .softFailed]) ?? false
            }
            let followed = Set(accepted.flatMap(\.previous))
            let extremities = try accepted.filter { event in
                guard !followed.contains(event.eventID), let place = places[event.eventID] else { return false }
                let past = try transaction.pastEntry(tables, number, depth: place.row.depth, place.position)
                return past?.isBackfilled != true
            }
            let head = try #require(try transaction.roomHead(tables, number))
            #expect(Set(head.forwardExtremities) == Set(extremities.map(\.eventID.rawValue)), context)
            let now = StateSnapshot(room: number, base: try adopted.house.views.head(in: transaction))
            let current = try named(now, transaction, tables)
            #expect(current == room.resolve(extremities.map(\.after)), context)
            let joined = current.values.compactMap { room.byID[$0]?.pdu }.filter {
                $0.type == "m.room.member" && $0.content["membership"]?.stringValue == "join"
            }
            #expect(Int(head.joinedCount) == joined.count, context)
        }
    }

    private func asker(_ house: HouseFixture) throws -> Asker {
        let number = try house.views.read { transaction, tables in
            try #require(try transaction.user(tables, AdoptedRoom.joiner))
        }
        let user = try UserID(parsing: AdoptedRoom.joiner)
        return Asker(Identity(userID: user, userNum: number, deviceID: nil), nowMs: 0, epoch: 1)
    }

    private func page(
        _ adopted: AdoptedRoom, from: String?, backwards: Bool, limit: Int
    ) throws -> (eventIDs: [EventID], end: String?) {
        let answer = try TimelineQueries(views: adopted.house.views).messages(
            room: adopted.room.roomID, from: from, to: nil, backwards: backwards, limit: limit,
            filter: EventFilter(), by: asker(adopted.house))
        let json = try JSONValue.parse(answer)
        let ids = json["chunk"]?.arrayValue?.compactMap { $0["event_id"]?.stringValue.flatMap { EventID($0) } } ?? []
        return (ids, json["end"]?.stringValue)
    }

    /// Reads the timeline to its end and expects every event once, none behind what it follows.
    private func expectTimeline(_ adopted: inout AdoptedRoom, backwards: Bool, _ context: Comment) throws {
        var order: [EventID] = []
        var token: String?
        repeat {
            let found = try page(adopted, from: token, backwards: backwards, limit: 1 + adopted.random.below(6))
            order += found.eventIDs
            // Forwards there is always a token: later events may follow.
            token = found.eventIDs.isEmpty ? nil : found.end
        } while token != nil
        #expect(Set(order).count == order.count, context)
        let accepted = try adopted.house.views.read { transaction, tables in
            try places(adopted, transaction, tables).filter {
                $0.value.row.flags.isDisjoint(with: [.rejected, .softFailed])
            }
        }
        #expect(Set(order) == Set(accepted.keys), context)
        let indices = Dictionary(order.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        for (eventID, place) in indices {
            for previous in adopted.room.byID[eventID]?.previous ?? [] {
                guard let earlier = indices[previous] else { continue }
                #expect(backwards ? earlier > place : earlier < place, context)
            }
        }
    }

    private func expectAudited(_ house: HouseFixture, _ context: Comment) throws {
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        for record in try house.log.read(from: LogPosition(rawValue: 1), limit: 5000) { try audit.check(record) }
        #expect(audit.differences.isEmpty, context)
        let live = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == live, context)
    }

    private func expectAdopted(seed: UInt64, _ version: RoomVersion) async throws {
        var room = try SimulatedRoom(seed: seed, version: version)
        try room.grow(by: 24)
        guard let join = try room.join(AdoptedRoom.joiner), !join.isRejected else { return }
        try room.grow(by: 24)
        let house = try HouseFixture(seed: seed)
        var adopted = try AdoptedRoom(house: house, room: room, seed: seed)
        let context = Comment("seed \(seed), version \(version.id)")
        try await adopted.adopt(join)
        try expectStates(adopted, context)
        let behind = room.made.drop { $0.eventID != join.eventID }.dropFirst()
        for event in adopted.shuffled(Array(behind)) where try !adopted.hasPlace(event.eventID) {
            try await adopted.receive(event)
        }
        try expectStates(adopted, context)
        var chunks = 0
        while try await adopted.backfillChunk() {
            chunks += 1
            #expect(chunks < 1000)
        }
        #expect(chunks > 0, context)
        try expectStates(adopted, context)
        try expectTimeline(&adopted, backwards: true, context)
        try expectTimeline(&adopted, backwards: false, context)
        try expectAudited(house, context)
        // What is behind the join and leads to it is all here, and what leads to that.
        try await expectLikeResident(adopted, context)
        try house.close()
    }

    /// A server that had the room from the beginning, and was sent everything in the order in which it was made.
    private func expectLikeResident(_ adopted: AdoptedRoom, _ context: Comment) async throws {
        let resident = try HouseFixture(seed: 99)
        for event in adopted.room.made {
            _ = try await resident.rooms.receive(
                event.object, room: adopted.room.roomID, version: adopted.room.version, from: adopted.origin,
                requestID: "resident", pipeline: adopted.pipeline)
        }
        func head(_ house: HouseFixture) throws -> (extremities: Set<String>, state: NaiveState) {
            try house.views.read { transaction, tables in
                let number = try #require(try transaction.room(tables, adopted.room.roomID.rawValue))
                let head = try #require(try transaction.roomHead(tables, number))
                let now = StateSnapshot(room: number, base: try house.views.head(in: transaction))
                return (Set(head.forwardExtremities), try named(now, transaction, tables))
            }
        }
        let one = try head(adopted.house)
        let other = try head(resident)
        if one.extremities == other.extremities { #expect(one.state == other.state, context) }
        try resident.close()
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func aLateServerHasTheStatesOfTheWholeGraph(seed: UInt64) async throws {
        for version in [RoomVersion.v1, .v6, .v10, .v11, .v12] { try await expectAdopted(seed: seed, version) }
    }
}
