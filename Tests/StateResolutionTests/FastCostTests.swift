import CanonicalJSON
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import TestSupport
import Testing

@testable import StateResolution

/// What a resolution reads follows what differs, whatever the room is.
struct FastCostTests {
    /// Counts what is read, and lends a state that nobody may walk.
    private final class Counted: ResolutionSource, StateLookup {
        let source: MemoryResolutionSource
        let state: FastRoom.State
        var reads = 0

        init(_ source: MemoryResolutionSource, base: FastRoom.State) {
            self.source = source
            state = base
        }

        func event(at slot: StateSlot) -> EventNumber? {
            reads += 1
            return state[slot]
        }

        func authRow(of event: EventNumber) throws -> AuthIndexRow {
            reads += 1
            return try source.authRow(of: event)
        }

        func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber] {
            let page = try source.citations(of: event, below: bound, limit: limit)
            reads += 1 + page.count
            return page
        }

        func pdu(of event: EventNumber) throws -> PDU {
            reads += 1
            return try source.pdu(of: event)
        }

        func eventID(of event: EventNumber) throws -> EventID { try source.eventID(of: event) }
        func slot(type: String, stateKey: String) -> StateSlot? { source.slot(type: type, stateKey: stateKey) }
        func createEvent() -> EventNumber? { source.createEvent() }
    }

    @Test(arguments: [RoomVersion.v2, .v11, .v12]) func readsFollowTheDifference(version: RoomVersion) throws {
        func reads(members: Int) throws -> Int {
            var room = try FastRoom(version)
            var base = try room.beginning()
            for number in 0..<members { try room.join("@u\(number):a.org", in: &base) }
            var left = base
            var right = base
            try room.setLevels(["@u1:a.org": 50], by: "@alice:a.org", in: &left)
            try room.ban("@u2:a.org", by: "@u1:a.org", in: &left)
            for number in 3..<8 { try room.join("@u\(number):a.org", in: &left) }
            for number in 6..<12 { try room.join("@u\(number):a.org", in: &right) }
            try room.setTopic("right", by: "@alice:a.org", in: &right)
            let counted = Counted(room.source, base: base)
            let states = [left, right].map { state in
                StateDifference(
                    state.filter { base[$0.key] != $0.value }.map { .init(slot: $0.key, event: $0.value) })
            }
            let resolved = try StateResolver.resolve(
                ResolutionInput(base: counted, states: states), version: version, source: counted)
            #expect(!resolved.differenceFromBase.isEmpty)
            return counted.reads
        }
        let few = try reads(members: 50)
        let many = try reads(members: 800)
        #expect(many <= few + 100)
    }

    @Test(arguments: 0..<24) func anyBaseGivesTheSameState(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let version = RoomVersion.all[seed % RoomVersion.all.count]
        var room = try FastRoom(version)
        var states = [try room.beginning()]
        let users = (0..<6).map { "@u\($0):a.org" }
        for _ in 0..<40 {
            let index = Int.random(in: 0..<states.count, using: &random)
            if states.count < 5, Int.random(in: 0..<6, using: &random) == 0 { states.append(states[index]) }
            let user = users[Int.random(in: 0..<users.count, using: &random)]
            let other = users[Int.random(in: 0..<users.count, using: &random)]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: try room.setLevels([user: 50], by: "@alice:a.org", in: &states[index])
            case 1: try room.ban(user, by: "@alice:a.org", in: &states[index])
            case 2: try room.ban(user, by: other, in: &states[index])
            case 3: try room.setTopic(user, by: user, in: &states[index], at: 7)
            default: try room.join(user, in: &states[index])
            }
        }
        let expected = try room.resolve(states)
        for base in states + [[:]] {
            let differences = states.shuffled(using: &random).map { state in
                let slots = Set(state.keys).union(base.keys).filter { state[$0] != base[$0] }
                return StateDifference(slots.map { .init(slot: $0, event: state[$0]) })
            }
            let newest = EventNumber(UInt32(room.source.count - 1))
            let resolved = try StateResolver.resolve(
                ResolutionInput(base: DictionaryState(base), states: differences, newest: newest), version: version,
                source: room.source)
            var state = base
            for change in resolved.differenceFromBase.changes { state[change.slot] = change.event }
            #expect(state == expected)
            var nearest = base
            for change in differences[resolved.nearestInput].changes { nearest[change.slot] = change.event }
            for change in resolved.differenceFromNearest.changes { nearest[change.slot] = change.event }
            #expect(nearest == expected)
        }
    }
}
