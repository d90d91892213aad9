import CanonicalJSON
import EventLog
import KeyValueStore
import ProjectionEngine
import Projections
import ReadModel
import TestSupport
import Testing

@Suite("Rooms with forks") struct ForkedStateTests {
    private func named(
        _ entries: [SlotNum: LogPosition], _ transaction: borrowing ReadTransaction, _ tables: ViewTables
    ) throws -> ForkedRoomScript.State {
        var state: ForkedRoomScript.State = [:]
        for (slot, holder) in entries {
            let name = try #require(try transaction.slotName(tables, slot))
            state["\(name.type)|\(name.stateKey)"] = try transaction.eventRow(tables, holder)?.eventID()
        }
        return state
    }

    private func expectAll(_ script: ForkedRoomScript, _ fixture: ViewFixture, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, script.room))
            var snapshots: [(StateSnapshot, ForkedRoomScript.State)] = []
            for event in script.events {
                let before = try transaction.snapshot(tables, room, before: event.position)
                let after = try transaction.snapshot(tables, room, after: event.position)
                let current = StateSnapshot(room: room, base: event.position)
                snapshots += [(before, event.before), (after, event.after)]
                snapshots.append((current, script.current[event.position] ?? [:]))
            }
            for (snapshot, expected) in snapshots {
                try #expect(
                    named(transaction.entries(tables, snapshot), transaction, tables) == expected, "seed \(seed)")
            }
            for _ in 0..<150 {
                guard let left = random.pick(snapshots), let right = random.pick(snapshots) else { continue }
                var state = left.1
                for change in try transaction.differences(tables, left.0, right.0) {
                    let name = try #require(try transaction.slotName(tables, change.slot))
                    let key = "\(name.type)|\(name.stateKey)"
                    let old = try transaction.eventRow(tables, change.before)?.eventID()
                    #expect(state[key] == old)
                    #expect(change.before != change.after)
                    state[key] = try transaction.eventRow(tables, change.after)?.eventID()
                }
                #expect(state == right.1, "seed \(seed)")
            }
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func theStateAtEveryEventIsThatOfDictionaries(seed: UInt64) throws {
        var script = ForkedRoomScript(seed: seed)
        script.grow(by: 100)
        let fixture = try ViewFixture(script.log, inBatchesOf: 1 + Int(seed) * 3)
        try expectAll(script, fixture, seed: seed)
        let live = try fixture.engine.digests()
        try fixture.engine.rebuild()
        try #expect(fixture.engine.digests() == live)
        for name in ["roomState", "events", "timeline", "memberships"] {
            try fixture.engine.rebuild([name])
            try #expect(fixture.engine.digests() == live, "\(name)")
        }
    }

    @Test func aLongBranchIsReadInFewSteps() throws {
        var script = ForkedRoomScript(seed: 99)
        script.grow(by: 20)
        script.branch(of: 600)
        let fixture = try ViewFixture(script.log, inBatchesOf: 64)
        try expectAll(script, fixture, seed: 99)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, script.room))
            var longest = 0
            for event in script.events {
                var steps = 0
                var at = event.position
                while let row = try transaction.stateBeforeRow(tables, room, at) {
                    steps += 1
                    switch row.base {
                    case .current: at = .none
                    case .after(let other), .before(let other): at = other
                    }
                }
                longest = max(longest, steps)
            }
            #expect(longest <= 48)
            #expect(longest > 3)
        }
    }

    @Test func theCurrentStateIsReadPastEntriesThatChangedOften() throws {
        var log = LogScript()
        log.room("!r:s", by: "@a:s")
        for number in 0..<100 {
            log.event("m.room.topic", in: "!r:s", by: "@a:s", stateKey: "", content: ["topic": .string("\(number)")])
            if number % 10 == 0 { log.member("@u\(number):s", in: "!r:s", "join") }
        }
        let fixture = try ViewFixture(log, inBatchesOf: 9)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, "!r:s"))
            var holders: [SlotNum: LogPosition] = [:]
            try transaction.forEachStateEntry(tables, room) { row in
                #expect(holders[row.slot] == nil)
                holders[row.slot] = row.holder
                return true
            }
            #expect(holders.count == 4 + 1 + 10)
            for (slot, holder) in holders {
                try #expect(transaction.stateHolder(tables, room, slot, asOf: log.head) == holder)
            }
            var changes = 0
            try transaction.forEachStateChange(tables, room, after: LogPosition(rawValue: 10), upTo: log.head) {
                change in
                #expect(change.position.rawValue == 11 + UInt64(changes))
                changes += 1
                return true
            }
            #expect(changes == log.records.count - 10)
        }
    }
}
