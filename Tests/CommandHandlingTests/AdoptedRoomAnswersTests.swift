import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import InboundPDU
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions
import Simulation
import TestSupport
import Testing

/// What clients are told of a room whose beginning lies elsewhere.
@Suite("Answers from adopted rooms") struct AdoptedRoomAnswersTests {
    /// A local user, and a room of another server with its join.
    private struct Scene {
        var adopted: AdoptedRoom
        let join: SimulatedRoom.Made
        let asker: Asker
        let sync: SyncQueries
        let timeline: TimelineQueries

        init(seed: UInt64) async throws {
            var room = try SimulatedRoom(seed: seed, version: .v11)
            try room.grow(by: 6)
            join = try #require(try room.join(AdoptedRoom.joiner))
            try room.grow(by: 3)
            let house = try HouseFixture(seed: seed)
            let account = AccountRegistered(userID: AdoptedRoom.joiner, accountKind: "user")
            let record = account.record(
                stream: StreamID(kind: .user, name: AdoptedRoom.joiner), actor: "", cause: "test")
            _ = try await house.log.append(LogBatch(records: [record], expected: []))
            adopted = try AdoptedRoom(house: house, room: room, seed: seed)
            let user = try UserID(parsing: AdoptedRoom.joiner)
            let number = try #require(try AccountQueries(views: house.views).number(of: user))
            asker = Asker(Identity(userID: user, userNum: number, deviceID: "D"), nowMs: 0, epoch: 1)
            let notifier = ChangeNotifier(nowMs: { 0 })
            notifier.start(at: 0)
            sync = SyncQueries(
                views: house.views,
                ephemeral: EphemeralState(startingAt: 1, nowMs: { 0 }, notifier: notifier), notifier: notifier)
            timeline = TimelineQueries(views: house.views)
        }

        func answer(since: String?, stateAfter: Bool = false) throws -> (json: JSONValue, hasNews: Bool) {
            let token = try since.map { try SyncToken(parsing: $0) }
            let answer = try sync.sync(SyncRequest(asker: asker, since: token, useStateAfter: stateAfter))
            return (try JSONValue.parse(answer.body), answer.hasNews)
        }

        func room(_ json: JSONValue) -> JSONValue? { json["rooms"]?["join"]?[adopted.room.roomID.rawValue] }

        func page(from: String) throws -> JSONValue {
            try JSONValue.parse(
                timeline.messages(
                    room: adopted.room.roomID, from: from, to: nil, backwards: true, limit: 100, filter: EventFilter(),
                    by: asker))
        }

        mutating func backfillAll() async throws {
            while try await adopted.backfillChunk() {}
        }
    }

    private func ids(_ json: JSONValue?) -> [String] {
        json?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? []
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func syncTellsOfTheWholeStateAndNeverOfThePast(seed: UInt64) async throws {
        var scene = try await Scene(seed: seed)
        let start = try #require(try scene.answer(since: nil).json["next_batch"]?.stringValue)
        try await scene.adopted.adopt(scene.join)
        let before = Set(scene.join.before.values.map(\.rawValue))
        let after = Set(scene.join.after.values.map(\.rawValue))
        for since in [start, nil] {
            let room = try #require(scene.room(try scene.answer(since: since).json))
            #expect(Set(ids(room["state"]?["events"])) == before)
            #expect(ids(room["timeline"]?["events"]) == [scene.join.eventID.rawValue])
            #expect(room["timeline"]?["limited"] == true)
            let now = try #require(scene.room(try scene.answer(since: since, stateAfter: true).json))
            #expect(Set(ids(now["state_after"]?["events"])) == after)
        }
        let joined = try scene.answer(since: start).json
        let prevBatch = try #require(scene.room(joined)?["timeline"]?["prev_batch"]?.stringValue)
        let empty = try scene.page(from: prevBatch)
        #expect(ids(empty["chunk"]).isEmpty)
        let missing = try scene.timeline.missing(
            room: scene.adopted.room.roomID, from: prevBatch, to: nil, pageLimit: 10, limit: 50, by: scene.asker)
        #expect(Set(missing.map(\.missing)) == Set(scene.join.previous))
        #expect(Set(missing.map(\.follower)) == [scene.join.eventID])

        let later = scene.adopted.room.made.drop { $0.eventID != scene.join.eventID }.dropFirst()
        for event in later where try !scene.adopted.hasPlace(event.eventID) { try await scene.adopted.receive(event) }
        let told = try scene.answer(since: nil)
        let timeline = ids(scene.room(told.json)?["timeline"]?["events"])
        let next = try #require(told.json["next_batch"]?.stringValue)
        let unread = scene.room(told.json)?["unread_notifications"]
        try await scene.backfillAll()
        let quiet = try scene.answer(since: next)
        #expect(!quiet.hasNews)
        #expect(scene.room(quiet.json) == nil)
        let again = try scene.answer(since: nil)
        #expect(ids(scene.room(again.json)?["timeline"]?["events"]) == timeline)
        #expect(scene.room(again.json)?["unread_notifications"] == unread)
        // Behind the join lies all that it follows.
        var ancestors: Set<EventID> = []
        var waiting = scene.join.previous
        while let eventID = waiting.popLast() {
            if ancestors.insert(eventID).inserted { waiting += scene.adopted.room.byID[eventID]?.previous ?? [] }
        }
        let accepted = ancestors.filter { scene.adopted.room.byID[$0]?.isRejected == false }
        let page = try scene.page(from: prevBatch)
        #expect(Set(ids(page["chunk"])).isSuperset(of: accepted.map(\.rawValue)))
        #expect(!ids(page["chunk"]).contains(scene.join.eventID.rawValue))
        #expect(page["end"] == nil)
        try scene.adopted.house.close()
    }

    @Test func anEventWithoutItsPlaceIsShownAsStateOnly() async throws {
        let scene = try await Scene(seed: 2)
        var adopted = scene.adopted
        try await adopted.adopt(scene.join)
        let current = try #require(scene.join.before.values.first { $0 != scene.join.eventID })
        _ = try scene.timeline.event(room: adopted.room.roomID, event: current, by: scene.asker)
        let chain = adopted.room.authChain(of: Array(scene.join.before.values))
        for event in chain where !scene.join.after.values.contains(event.eventID) {
            #expect(throws: QueryRefusal.self) {
                try scene.timeline.event(room: adopted.room.roomID, event: event.eventID, by: scene.asker)
            }
        }
        try adopted.house.close()
    }
}
