import CommandHandling
import Decisions
import EventLog
import InboundPDU
import KeyValueStore
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Queries
import ReadModel
import Simulation
import TestSupport
import Testing

/// A server that comes to know a room late: it joins, is sent what comes after, and fetches what it lacks.
struct AdoptedRoom {
    static let joiner = "@j:test"

    let house: HouseFixture
    let room: SimulatedRoom
    let pipeline = ReceiptPipeline { _, _ in .valid }
    let origin: ServerName
    var random: SeededRandom
    /// How often the state before an event was taken from another server.
    private(set) var givenStates = 0

    init(house: HouseFixture, room: SimulatedRoom, seed: UInt64) throws {
        self.house = house
        self.room = room
        origin = try ServerName(parsing: "one")
        random = SeededRandom(seed: seed)
    }

    func prepared(_ event: SimulatedRoom.Made) throws -> ReceivedPDU {
        try pipeline.prepare(event.object, room: room.roomID, version: room.version)
    }

    func events(of state: NaiveState) -> [SimulatedRoom.Made] {
        state.values.compactMap { room.byID[$0] }.sorted { $0.eventID.rawValue < $1.eventID.rawValue }
    }

    /// Takes the room in as the answer to `send_join` gives it.
    @discardableResult
    mutating func adopt(_ join: SimulatedRoom.Made) async throws -> RoomCommands.Recorded {
        let adoption = RoomAdoption(
            join: try prepared(join),
            state: shuffled(try events(of: join.before).map(prepared)),
            authChain: shuffled(
                try room.authChain(of: Array(join.before.values) + [join.eventID]).map(prepared)))
        return try await house.rooms.adopt(
            adoption, room: room.roomID, version: room.version, from: origin, requestID: "join")
    }

    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var left = elements
        var order: [Element] = []
        while !left.isEmpty { order.append(left.remove(at: random.below(left.count))) }
        return order
    }

    /// The events of a state, recorded without their place where they are not known.
    func recordState(before event: SimulatedRoom.Made) async throws -> [EventID] {
        let chain = room.authChain(of: Array(event.before.values) + [event.eventID])
        let state = events(of: event.before)
        try await house.rooms.recordOutliers(
            try (state + chain).map(prepared), room: room.roomID, version: room.version, from: origin,
            requestID: "state")
        return state.map(\.eventID)
    }

    /// Receives an event; what it follows is fetched, or not to be had.
    mutating func receive(_ event: SimulatedRoom.Made, fetching depth: Int = 3) async throws {
        var result = try await house.rooms.receive(
            event.object, room: room.roomID, version: room.version, from: origin, requestID: "live",
            pipeline: pipeline)
        if case .missing(let previous, _) = result, depth > 0, random.below(3) > 0 {
            for eventID in previous {
                if let earlier = room.byID[eventID] { try await receive(earlier, fetching: depth - 1) }
            }
            result = try await house.rooms.receive(
                event.object, room: room.roomID, version: room.version, from: origin, requestID: "live",
                pipeline: pipeline)
        }
        guard case .missing = result else { return }
        let state = try await recordState(before: event)
        givenStates += 1
        result = try await house.rooms.receive(
            event.object, room: room.roomID, version: room.version, from: origin, requestID: "live",
            pipeline: pipeline, stateBefore: state)
        guard case .recorded = result else {
            Issue.record("not recorded although its state was given: \(result)")
            return
        }
    }

    func hasPlace(_ eventID: EventID) throws -> Bool {
        try house.views.read { transaction, tables in
            guard let position = try transaction.eventPosition(tables, eventID.rawValue) else { return false }
            return try transaction.eventRow(tables, position)?.flags.contains(.outlier) == false
        }
    }

    func gaps() throws -> [String] {
        try house.views.read { transaction, tables in
            guard let number = try transaction.room(tables, room.roomID.rawValue) else { return [] }
            return try transaction.timelineGaps(tables, number, limit: 1000).map(\.missing)
        }
    }

    /// Fetches a chunk of what is missing before some event; answers false when nothing is missing.
    mutating func backfillChunk() async throws -> Bool {
        guard let missing = random.pick(try gaps()).flatMap({ EventID($0) }) else { return false }
        var chunk: [SimulatedRoom.Made] = []
        var waiting = [missing]
        let size = 1 + random.below(7)
        while chunk.count < size, !waiting.isEmpty {
            let eventID = waiting.remove(at: random.below(waiting.count))
            guard let event = room.byID[eventID], !chunk.contains(where: { $0.eventID == eventID }),
                try !hasPlace(eventID)
            else { continue }
            chunk.append(event)
            waiting += event.previous
        }
        var states: [EventID: [EventID]] = [:]
        for event in chunk {
            let lacks = try event.previous.contains { previous in
                try !hasPlace(previous) && !chunk.contains { $0.eventID == previous }
            }
            let knowsAuth = try event.pdu.authEvents.allSatisfy { try house.rooms.hasRecord($0, house) }
            guard lacks || !knowsAuth else { continue }
            let state = try await recordState(before: event)
            if lacks { states[event.eventID] = state }
        }
        let result = try await house.rooms.backfill(
            shuffled(try chunk.map(prepared)), stateBefore: states, room: room.roomID, from: origin,
            requestID: "backfill", pipeline: pipeline)
        #expect(result.missing.isEmpty && result.dropped.isEmpty, "\(result)")
        #expect(!result.recorded.isEmpty)
        return true
    }
}

extension RoomCommands {
    /// Whether an event is recorded, with its place or without.
    fileprivate func hasRecord(_ eventID: EventID, _ house: HouseFixture) throws -> Bool {
        try house.views.read { transaction, tables in
            try transaction.eventPosition(tables, eventID.rawValue) != nil
        }
    }
}
