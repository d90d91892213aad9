import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel
import Testing

private let room = "!r:a"
private let alice = "@alice:a"
private let bob = "@bob:a"

private func position(_ number: Int) -> LogPosition { LogPosition(rawValue: UInt64(number)) }

@Suite struct RoomProjectionTests {
    private func text(_ row: EventRow) -> String { String(decoding: row.clientJSON, as: UTF8.self) }

    @Test func rendersEventsOnceAsClientsSeeThem() throws {
        var log = LogScript()
        log.room(room, by: alice)
        let eventID = log.message("hello", in: room, by: alice, transaction: "t1")
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let row = try #require(try transaction.eventRow(tables, position(5)))
            let start = #"{"event_id":"\#(eventID)","type":"m.room.message","sender":"@alice:a","#
            let end = #""origin_server_ts":1700000000005,"content":{"body":"hello","msgtype":"m.text"}"#
            #expect(text(row) == start + end)
            #expect(row.hasEventID(eventID))
            #expect(row.hasType("m.room.message"))
            #expect(!row.hasType("m.room.messag"))
            #expect(row.flags == .notifies)
            #expect(row.depth == 5)
            #expect(row.transaction == EventRow.Transaction(deviceID: "DEV", transactionID: "t1"))
            try #expect(transaction.eventPosition(tables, eventID) == position(5))
            try #expect(transaction.eventPosition(tables, "$other") == nil)
            let hash = ViewKeys.transactionHash(user: alice, deviceID: "DEV", transactionID: "t1", room: room)
            let key = StoreKey(hash).appending(UInt64(5))
            try #expect(transaction.contains(tables.eventsTransactions, key))
            let create = try #require(try transaction.eventRow(tables, position(1)))
            #expect(create.isState)
            #expect(text(create).contains(#""origin_server_ts":1700000000001,"state_key":"","content":{"#))
        }
    }

    @Test func keepsTheHeadOfEachRoom() throws {
        var log = LogScript()
        log.room(room, by: alice)
        log.room("!other:a", by: bob)
        log.member(bob, in: room, "invite", by: alice)
        let last = log.message("x", in: room, by: alice)
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room))
            let head = try #require(try transaction.roomHead(tables, number))
            #expect(head.lastTimelinePosition == position(10))
            #expect(head.lastStatePosition == position(9))
            #expect(head.createPosition == position(1))
            #expect(head.eventCount == 6)
            #expect(head.maxDepth == 6)
            #expect(head.joinedCount == 1)
            #expect(head.invitedCount == 1)
            #expect(head.streamVersion == 6)
            #expect(head.roomVersion == "11")
            #expect(head.forwardExtremities == [last])
            var positions: [UInt64] = []
            try transaction.forEach(tables.timelineOrder, prefix: ViewKeys.room(number)) { key, value in
                positions.append(try TimelineEntry(key: key, value: value).position.rawValue)
                return true
            }
            #expect(positions == [1, 2, 3, 4, 9, 10])
        }
    }

    @Test func rejectedSoftFailedAndOutlyingEventsHaveRowsOnly() throws {
        var log = LogScript()
        log.room(room, by: alice)
        let rejected = log.event(
            "m.room.topic", in: room, by: bob, stateKey: "", content: ["topic": "no"], verdict: .rejected)
        log.event("m.room.message", in: room, by: bob, verdict: .softFailed)
        log.event("m.room.name", in: room, by: bob, stateKey: "", isOutlier: true)
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room))
            let head = try #require(try transaction.roomHead(tables, number))
            #expect(head.eventCount == 4)
            #expect(head.streamVersion == 7)
            try #expect(transaction.eventPosition(tables, rejected) == position(5))
            try #expect(transaction.eventRow(tables, position(5))?.flags == [.state, .rejected])
            try #expect(transaction.eventRow(tables, position(6))?.flags.contains(.softFailed) == true)
            try #expect(transaction.eventRow(tables, position(7))?.flags == [.state, .outlier])
            let slot = try #require(try transaction.slot(tables, type: "m.room.topic", stateKey: ""))
            try #expect(transaction.stateHolder(tables, number, slot, asOf: position(99)) == position(0))
        }
    }

    @Test func stateIsAnswerableAtEveryPosition() throws {
        var log = LogScript()
        log.room(room, by: alice)
        for topic in ["one", "two", "three"] {
            log.event("m.room.topic", in: room, by: alice, stateKey: "", content: ["topic": .string(topic)])
            log.message("between", in: room, by: alice)
        }
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room))
            let slot = try #require(try transaction.slot(tables, type: "m.room.topic", stateKey: ""))
            let holders = try (1...10).map {
                try transaction.stateHolder(tables, number, slot, asOf: position($0)).rawValue
            }
            #expect(holders == [0, 0, 0, 0, 5, 5, 7, 7, 9, 9])
            try #expect(transaction.eventRow(tables, position(9))?.replaced == position(7))
            try #expect(transaction.eventRow(tables, position(5))?.replaced == position(0))
        }
    }

    @Test func stateDeltasPointToOtherEventsAndRemoveEntries() throws {
        var log = LogScript()
        log.room(room, by: alice)
        let first = log.event("m.room.topic", in: room, by: alice, stateKey: "", content: ["topic": "one"])
        log.event("m.room.topic", in: room, by: alice, stateKey: "", content: ["topic": "two"])
        let join = log.member(bob, in: room, "join", name: "Bob")
        log.member(bob, in: room, "leave")
        log.event(
            "m.room.name", in: room, by: alice, stateKey: "", content: ["name": "x"], setsOwnEntry: false,
            delta: [
                .init(type: "m.room.topic", stateKey: "", eventID: first),
                .init(type: "m.room.join_rules", stateKey: "", eventID: nil),
                .init(type: "m.room.member", stateKey: bob, eventID: join),
            ])
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room))
            let topic = try #require(try transaction.slot(tables, type: "m.room.topic", stateKey: ""))
            let rules = try #require(try transaction.slot(tables, type: "m.room.join_rules", stateKey: ""))
            try #expect(transaction.stateHolder(tables, number, topic, asOf: position(8)) == position(6))
            try #expect(transaction.stateHolder(tables, number, topic, asOf: position(9)) == position(5))
            try #expect(transaction.stateHolder(tables, number, rules, asOf: position(9)) == position(0))
            try #expect(transaction.stateHolder(tables, number, rules, asOf: position(99)) == position(0))
            try #expect(transaction.roomHead(tables, number)?.joinedCount == 2)
            let user = try #require(try transaction.user(tables, bob))
            let value = try #require(try transaction.get(tables.stateMembers, ViewKeys.member(number, user)))
            let member = try MemberRow(reading: value)
            #expect(member.position == position(7))
            #expect(String(decoding: member.profileJSON, as: UTF8.self) == #"{"display_name":"Bob"}"#)
        }
    }

    @Test func aRedactionStripsTheRowAndNothingElse() throws {
        var log = LogScript()
        log.room(room, by: alice)
        let message = log.message("secret", in: room, by: alice)
        log.member(bob, in: room, "join", name: "Bob")
        let redaction = log.event(
            "m.room.redaction", in: room, by: alice, content: ["redacts": .string(message)], redacts: message)
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let row = try #require(try transaction.eventRow(tables, position(5)))
            #expect(row.flags.contains(.redacted))
            #expect(row.redactedBy == position(7))
            let start = #"{"event_id":"\#(message)","type":"m.room.message","sender":"@alice:a","#
            #expect(text(row) == start + #""origin_server_ts":1700000000005,"content":{}"#)
            let redactionRow = try #require(try transaction.eventRow(tables, position(7)))
            #expect(redactionRow.hasEventID(redaction))
            #expect(text(redactionRow).contains(#","redacts":"\#(message)","content":{"redacts":"#))
        }
    }

    @Test func aRedactedMemberLosesItsName() throws {
        var log = LogScript()
        log.room(room, by: alice)
        let join = log.member(bob, in: room, "join", name: "Bob")
        log.event("m.room.redaction", in: room, by: alice, content: ["redacts": .string(join)], redacts: join)
        let fixture = try ViewFixture(log, inBatchesOf: 100)
        try fixture.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room))
            let user = try #require(try transaction.user(tables, bob))
            let value = try #require(try transaction.get(tables.stateMembers, ViewKeys.member(number, user)))
            let member = try MemberRow(reading: value)
            #expect(member.membership == .join)
            #expect(String(decoding: member.profileJSON, as: UTF8.self) == "{}")
            try #expect(transaction.eventRow(tables, position(5))?.membership == .join)
        }
    }

    @Test func membershipsKnowWhenTheyBeganAndEnded() throws {
        var log = LogScript()
        log.room(room, by: alice)
        log.member(bob, in: room, "invite", by: alice)
        log.member(bob, in: room, "join")
        log.member(bob, in: room, "join", name: "Bob")
        var rows: [MembershipRow] = []
        let fixture = try ViewFixture(log)
        func row() throws -> MembershipRow {
            try fixture.read { transaction, tables in
                let number = try #require(try transaction.room(tables, room))
                let user = try #require(try transaction.user(tables, bob))
                let value = try transaction.get(tables.membershipsByUser, ViewKeys.membership(user, number))
                return try MembershipRow(reading: try #require(value))
            }
        }
        rows.append(try row())
        #expect(rows[0].membership == .join)
        #expect(rows[0].previous == .join)
        #expect(rows[0].joinedAt == position(6))
        #expect(rows[0].position == position(7))
        #expect(rows[0].leftAt == position(0))

        log.member(bob, in: room, "leave")
        log.append(RoomForgotten(userID: bob, roomID: room))
        try fixture.engine.apply(Array(log.records.suffix(2)))
        rows.append(try row())
        #expect(rows[1].membership == .leave)
        #expect(rows[1].previous == .join)
        #expect(rows[1].joinedAt == position(6))
        #expect(rows[1].leftAt == position(8))
        #expect(rows[1].isForgotten)

        log.member(bob, in: room, "ban", by: alice)
        try fixture.engine.apply(Array(log.records.suffix(1)))
        #expect(try row().isForgotten)
        log.member(bob, in: room, "invite", by: alice)
        try fixture.engine.apply(Array(log.records.suffix(1)))
        #expect(try row().isForgotten == false)
        try fixture.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room))
            let head = try #require(try transaction.roomHead(tables, number))
            #expect(head.joinedCount == 1)
            #expect(head.invitedCount == 1)
        }
    }

    @Test func touchedRoomsAndUsersAreReported() throws {
        var log = LogScript()
        log.room(room, by: alice)
        log.message("x", in: room, by: alice)
        let fixture = try ViewFixture(log, inBatchesOf: 4)
        let batches = fixture.applied.all
        #expect(batches.map(\.head) == [position(4), position(5)])
        #expect(batches.map(\.rooms.count) == [1, 1])
        #expect(batches.map(\.users.count) == [1, 0])
        #expect(fixture.views.head == position(5))
    }

    @Test func longNamesAndOddStateKeysStayApart() throws {
        var log = LogScript()
        log.room(room, by: alice)
        let long = String(repeating: "k", count: 450)
        log.event("a", in: room, by: alice, stateKey: long)
        log.event("a", in: room, by: alice, stateKey: long + "2")
        log.event("a\u{0}b", in: room, by: alice, stateKey: "")
        log.event("a", in: room, by: alice, stateKey: "b\u{0}")
        log.event("\u{e9}", in: room, by: alice, stateKey: "")
        log.event("e\u{301}", in: room, by: alice, stateKey: "")
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let names = [
                ("a", long), ("a", long + "2"), ("a\u{0}b", ""), ("a", "b\u{0}"), ("\u{e9}", ""), ("e\u{301}", ""),
            ]
            let slots = try names.map { try #require(try transaction.slot(tables, type: $0.0, stateKey: $0.1)) }
            #expect(Set(slots).count == names.count)
            for (slot, name) in zip(slots, names) {
                try #expect(transaction.slotName(tables, slot) == SlotName(type: name.0, stateKey: name.1))
            }
            let row = try #require(try transaction.eventRow(tables, position(7)))
            #expect(row.hasType("a\u{0}b"))
            #expect(try row.type() == "a\u{0}b")
        }
    }
}
