import CanonicalJSON
import EventLog
import Glibc
import KeyValueStore
import LogEvents
import ProjectionEngine
import Projections
import ReadModel
import Testing

/// Rooms whose beginning lies elsewhere, in the tables.
@Suite struct AdoptionProjectionTests {
    private func position(_ number: UInt64) -> LogPosition { LogPosition(rawValue: number) }

    private func state(
        _ snapshot: StateSnapshot, _ transaction: borrowing ReadTransaction, _ tables: ViewTables
    ) throws -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for (slot, holder) in try transaction.entries(tables, snapshot) {
            let name = try #require(try transaction.slotName(tables, slot))
            found["\(name.type)|\(name.stateKey)"] = holder.rawValue
        }
        return found
    }

    private let before: [String: UInt64] = [
        "m.room.create|": 1, "m.room.member|@founder:away": 2, "m.room.power_levels|": 3, "m.room.member|@u:s": 4,
    ]
    private let after: [String: UInt64] = [
        "m.room.create|": 1, "m.room.member|@founder:away": 2, "m.room.power_levels|": 3, "m.room.member|@u:s": 5,
    ]

    @Test func outliersAloneMakeNoRoom() throws {
        let fixture = try ViewFixture(AdoptionScript().log(4), inBatchesOf: 3)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, AdoptionScript.room))
            #expect(try transaction.roomHead(tables, room) == nil)
            #expect(try transaction.count(tables.timelineOrder) == 0)
            #expect(try transaction.count(tables.timelinePast) == 0)
            #expect(try transaction.count(tables.timelineGaps) == 0)
            #expect(try transaction.count(tables.stateHistory) == 0)
            #expect(try transaction.count(tables.stateMembers) == 0)
            #expect(try transaction.count(tables.membershipsByUser) == 0)
            #expect(try transaction.count(tables.membersCounts) == 0)
            #expect(try transaction.authRow(tables, room, position(3))?.authEvents == [position(1), position(2)])
            #expect(
                try transaction.authCitations(tables, room, of: position(1), before: position(9), limit: 9).count == 3)
        }
    }

    @Test func theJoinBringsTheWholeState() throws {
        let fixture = try ViewFixture(AdoptionScript().log(5), inBatchesOf: 5)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, AdoptionScript.room))
            let head = try #require(try transaction.roomHead(tables, room))
            #expect(head.forwardExtremities == [AdoptionScript.eventID("join")])
            #expect(head.joinedCount == 2)
            #expect(head.invitedCount == 0)
            #expect(head.createPosition == position(1))
            #expect(head.roomType == "m.space")
            #expect(head.roomVersion == "11")
            #expect(head.gapPosition == position(5))
            #expect(head.gapCount == 1)
            #expect(head.streamVersion == 5)
            #expect(head.eventCount == 1)
            let user = try #require(try transaction.user(tables, AdoptionScript.local))
            let member = try #require(
                try transaction.get(tables.membershipsByUser, ViewKeys.membership(user, room)) {
                    try MembershipRow(reading: $0)
                })
            #expect(member.membership == .join)
            #expect(member.joinedAt == position(5))
            try #expect(state(transaction.snapshot(tables, room, before: position(5)), transaction, tables) == before)
            try #expect(state(transaction.snapshot(tables, room, after: position(5)), transaction, tables) == after)
            #expect(try transaction.eventRow(tables, position(5))?.replaced == position(4))
            try #expect(
                state(StateSnapshot(room: room, base: position(5)), transaction, tables) == after)
            try #expect(state(StateSnapshot(room: room, base: position(4)), transaction, tables).isEmpty)
        }
    }

    @Test func thePastIsInNoOneElsesOrder() throws {
        let fixture = try ViewFixture(AdoptionScript().log(), inBatchesOf: 2)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, AdoptionScript.room))
            let head = try #require(try transaction.roomHead(tables, room))
            #expect(head.forwardExtremities == [AdoptionScript.eventID("hello")])
            #expect(head.lastTimelinePosition == position(6))
            #expect(head.lastStatePosition == position(5))
            #expect(head.eventCount == 4)
            #expect(head.backfilledCount == 2)
            // "levels" and "create" are known without their places.
            #expect(head.gapCount == 2)
            let gaps = try transaction.timelineGaps(tables, room, limit: 9).map(\.missing)
            #expect(Set(gaps) == [AdoptionScript.eventID("levels"), AdoptionScript.eventID("create")])
            #expect(try transaction.count(tables.timelineOrder) == 2)
            #expect(try transaction.pastEntry(tables, room, depth: 8, position(7))?.isBackfilled == true)
            var atLate = before
            atLate["m.room.member|@u:s"] = nil
            try #expect(state(transaction.snapshot(tables, room, before: position(7)), transaction, tables) == atLate)
            try #expect(state(transaction.snapshot(tables, room, after: position(7)), transaction, tables) == atLate)
            // The founder's join has its place now, and its number still.
            let founder = AdoptionScript.eventID("founder")
            #expect(try transaction.eventPosition(tables, founder) == position(8))
            #expect(try transaction.firstEventPosition(tables, founder) == position(2))
            #expect(try transaction.eventRow(tables, position(8))?.holder(at: position(8)) == position(2))
            try #expect(
                state(transaction.snapshot(tables, room, after: position(8)), transaction, tables)
                    == ["m.room.create|": 1, "m.room.member|@founder:away": 2])
            try #expect(state(StateSnapshot(room: room, base: position(8)), transaction, tables) == after)
        }
    }

    @Test func aRedactionReachesBothRecords() throws {
        var log = AdoptionScript().log()
        let target = AdoptionScript.eventID("founder")
        log.event(
            "m.room.redaction", in: AdoptionScript.room, by: AdoptionScript.founder,
            content: ["redacts": .string(target)],
            redacts: target, previous: [AdoptionScript.eventID("hello")])
        let fixture = try ViewFixture(log, inBatchesOf: 4)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, AdoptionScript.room))
            for number in [2, 8] as [UInt64] {
                let row = try #require(try transaction.eventRow(tables, position(number)))
                #expect(row.flags.contains(.redacted))
                #expect(!String(decoding: row.clientJSON, as: UTF8.self).contains("Ada"))
            }
            let user = try #require(try transaction.user(tables, AdoptionScript.founder))
            let member = try #require(try transaction.get(tables.stateMembers, ViewKeys.member(room, user)))
            #expect(try !String(decoding: MemberRow(reading: member).profileJSON, as: UTF8.self).contains("Ada"))
        }
        // Redacted while its place was not known.
        var early = AdoptionScript().log(6)
        early.event(
            "m.room.redaction", in: AdoptionScript.room, by: AdoptionScript.founder,
            content: ["redacts": .string(target)],
            redacts: target, previous: [AdoptionScript.eventID("hello")])
        for fact in AdoptionScript().facts.suffix(2) {
            early.append(
                fact.record(stream: StreamID(kind: .room, name: AdoptionScript.room), actor: "@a:s", cause: ""))
        }
        try ViewFixture(early, inBatchesOf: 4).read { transaction, tables in
            let row = try #require(try transaction.eventRow(tables, position(9)))
            #expect(row.flags.contains(.redacted) && row.redactedBy == position(7))
            #expect(!String(decoding: row.clientJSON, as: UTF8.self).contains("Ada"))
        }
    }

    @Test(arguments: [1, 3, 100])
    func liveEqualsRebuilt(batch: Int) throws {
        let fixture = try ViewFixture(AdoptionScript().log(), inBatchesOf: batch)
        let one = try ViewFixture(AdoptionScript().log(), inBatchesOf: 1)
        let live = try fixture.engine.digests()
        #expect(try one.engine.digests() == live)
        try fixture.engine.rebuild()
        #expect(try fixture.engine.digests() == live)
        for projection in builtInProjections {
            try fixture.engine.rebuild([projection.name])
            #expect(try fixture.engine.digests() == live, "\(projection.name)")
        }
    }

    /// What this format says is read for ever.
    @Test func format3ReadsAsItWasWritten() throws {
        let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        let path = root + "/fixtures/log/v1/adopted.hex"
        let payloads = AdoptionScript().facts.map { $0.payload() }
        let text = payloads.map { payload in
            payload.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }.joined(separator: "\n")
        let file = try #require(fopen(path, "r"), "the fixture is missing")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes.append(contentsOf: buffer[..<count])
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst()
        #expect(lines.joined(separator: "\n") == text)
        #expect(payloads.map(\.first) == [1, 1, 1, 1, 3, 1, 3, 3])
        for (fact, payload) in zip(AdoptionScript().facts, payloads) {
            #expect(try PDURecorded(payload: payload) == fact)
        }
    }
}
