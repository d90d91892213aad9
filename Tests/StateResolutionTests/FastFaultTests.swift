import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

@testable import StateResolution

/// What the source or the states have wrong ends in an error, never in a hang or a trap.
struct FastFaultTests {
    private static func row(_ slot: UInt32, _ authEvents: [UInt32]) -> AuthIndexRow {
        AuthIndexRow(
            slot: StateSlot(slot), originServerTS: 0, authEvents: authEvents.map { EventNumber($0) },
            isPowerEvent: true, isRejected: false)
    }

    private static func resolve(_ rows: [AuthIndexRow], _ left: EventNumber, _ right: EventNumber) throws {
        for version in [RoomVersion.v2, .v12] {
            _ = try StateResolver.resolve(
                states: [[StateSlot(0): left], [StateSlot(0): right]], version: version,
                source: FastGraphFixture(rows: rows))
        }
    }

    @Test func cyclesAreAnError() {
        let rows = [Self.row(0, [1]), Self.row(0, [0])]
        #expect(throws: ResolutionError.self) { try Self.resolve(rows, EventNumber(0), EventNumber(1)) }
    }

    @Test func anEventThatCitesItselfIsAnError() {
        let rows = [Self.row(0, []), Self.row(0, [1])]
        #expect(throws: ResolutionError.notInOrder(EventNumber(1), authEvent: EventNumber(1))) {
            try Self.resolve(rows, EventNumber(0), EventNumber(1))
        }
    }

    @Test func unknownEventsAreAnError() {
        #expect(throws: ResolutionError.unknownEvent(EventNumber(7))) {
            try Self.resolve([Self.row(0, [])], EventNumber(0), EventNumber(7))
        }
    }

    @Test func anEventInAStrangeSlotIsAnError() {
        let rows = [Self.row(0, []), Self.row(3, [])]
        #expect(throws: ResolutionError.wrongSlot(EventNumber(1), StateSlot(0))) {
            try Self.resolve(rows, EventNumber(0), EventNumber(1))
        }
    }

    @Test func aFaultOfTheSourceEndsTheResolution() {
        // This source has rows and no events.
        #expect(throws: FastGraphFixture.NoEvents.self) {
            try Self.resolve([Self.row(0, []), Self.row(0, [0])], EventNumber(0), EventNumber(1))
        }
    }

    @Test func anEventBeforeItsAuthEventsIsNotTaken() throws {
        var room = try FastRoom(.v11)
        var state = try room.beginning()
        let join = try room.join("@bob:a.org", in: &state)
        var other = MemoryResolutionSource()
        #expect(throws: ResolutionError.self) {
            try other.append(room.source.pdu(of: join), eventID: room.source.eventID(of: join))
        }
    }

    @Test func longChainsNeedNoStack() throws {
        // Each cites the one before it: 50,000 deep.
        var rows: [AuthIndexRow] = []
        for number in UInt32(0)..<50_000 { rows.append(Self.row(number % 7, number == 0 ? [] : [number - 1])) }
        let source = FastChainSource(rows: rows)
        let states: [[StateSlot: EventNumber]] = [
            [StateSlot(0): EventNumber(49_000), StateSlot(1): EventNumber(1)], [StateSlot(0): EventNumber(7)],
        ]
        for version in [RoomVersion.v2, .v12] {
            let reader = try ResolutionReader(source: source, version: version, newest: nil)
            let found = try FullConflictedSet(
                of: ConflictedState(ResolutionInput(states: states), absenceConflicts: true), reader: reader)
            #expect(found.events.count == (version == .v2 ? 48_995 : 49_000))
        }
    }
}

/// A chain in which each event is cited by the next.
private struct FastChainSource: ResolutionSource {
    let graph: FastGraphFixture

    init(rows: [AuthIndexRow]) { graph = FastGraphFixture(rows: rows) }

    func authRow(of event: EventNumber) throws -> AuthIndexRow { try graph.authRow(of: event) }
    func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) -> [EventNumber] {
        let next = EventNumber(event.rawValue + 1)
        guard limit > 0, Int(next.rawValue) < graph.rows.count, bound.map({ next < $0 }) != false else { return [] }
        return [next]
    }
    func pdu(of event: EventNumber) throws -> PDU { try graph.pdu(of: event) }
    func eventID(of event: EventNumber) throws -> EventID { try graph.eventID(of: event) }
    func slot(type: String, stateKey: String) -> StateSlot? { nil }
    func createEvent() -> EventNumber? { nil }
}
