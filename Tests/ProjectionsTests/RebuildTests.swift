import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import Projections
import ReadModel
import Synchronization
import TestSupport
import Testing

/// A script in which everything happens, in an order that the seed decides.
private func busyScript(seed: UInt64, steps: Int) -> LogScript {
    var random = SeededRandom(seed: seed)
    var log = LogScript()
    let users = ["@a:s", "@b:s", "@c:s", "@d:s"]
    let rooms = ["!1:s", "!2:s", "!3:s"]
    for user in users { log.append(AccountRegistered(userID: user, accountKind: "user")) }
    for room in rooms { log.room(room, by: users[0]) }
    var messages: [String: [String]] = [:]
    for step in 0..<steps {
        let user = users[random.below(users.count)]
        let room = rooms[random.below(rooms.count)]
        switch random.below(13) {
        case 0: log.member(user, in: room, ["join", "leave", "ban", "invite"][random.below(4)], by: users[0])
        case 1: log.member(user, in: room, "join", name: "name \(step)")
        case 2:
            log.event("m.room.topic", in: room, by: user, stateKey: "", content: ["topic": .string("t\(step)")])
        case 3:
            if let target = random.pick(messages[room] ?? []) {
                log.event(
                    "m.room.redaction", in: room, by: user, content: ["redacts": .string(target)], redacts: target)
            }
        case 4:
            let target = random.pick(messages[room] ?? []) ?? "$none"
            log.append(
                ReceiptRecorded(
                    userID: user, roomID: room, receiptType: "m.read", eventID: target, timestampMs: Int64(step)))
        case 5:
            log.append(AccountDataSet(userID: user, roomID: room, type: "m.tag", content: ["n": .integer(Int64(step))]))
        case 6: log.append(RoomForgotten(userID: user, roomID: room))
        case 7:
            log.append(ProfileFieldSet(userID: user, field: "displayname", value: .string("n\(step)")))
        case 8:
            let hash = String(repeating: "A", count: 39) + String(1000 + step)
            log.append(DeviceRegistered(userID: user, deviceID: "D\(step % 3)", tokenHash: hash))
        case 9:
            log.append(AliasCreated(alias: "#\(step % 5):s", roomID: room, creator: user))
        case 10: log.append(learnedKeys(step, &random))
        default:
            messages[room, default: []].append(log.message("m\(step)", in: room, by: user, transaction: "t\(step)"))
        }
    }
    return log
}

private func learnedKeys(_ step: Int, _ random: inout SeededRandom) -> ServerKeysLearned {
    let server = "s\(step % 4).example"
    func key(_ number: Int) -> (String, JSONValue) {
        (
            "ed25519:\(number)",
            ["key": .string("key\(random.below(2))"), "expired_ts": .integer(Int64(random.below(9)))]
        )
    }
    let document: JSONObject = [
        "server_name": .string(server), "valid_until_ts": .integer(Int64(1_700_000_000_000 + random.below(1000))),
        "verify_keys": .object(JSONObject([key(random.below(3)), key(3)])),
        "old_verify_keys": .object(JSONObject([key(random.below(3))])), "signatures": [:],
    ]
    return ServerKeysLearned(
        serverName: server, document: document, keyIDs: ["ed25519:0", "ed25519:1", "ed25519:2"],
        fetchedMs: 1_700_000_000_000 + Int64(step), notary: random.oneIn(2) ? "n.example" : nil)
}

@Suite struct RebuildTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theSplitIntoBatchesLeavesNoTrace(seed: UInt64) throws {
        let log = busyScript(seed: seed, steps: 400)
        let one = try ViewFixture(log, inBatchesOf: 1)
        let all = try ViewFixture(log, inBatchesOf: 100_000)
        let replayed = try ViewFixture()
        replayed.script.replace(log.records)
        try replayed.engine.catchUp()
        let digests = try one.engine.digests()
        try #expect(all.engine.digests() == digests)
        try #expect(replayed.engine.digests() == digests)
        #expect(digests.map(\.name) == builtInProjections.map(\.name))
        #expect(replayed.views.head == log.head)
    }

    @Test(arguments: [4, 5] as [UInt64])
    func aPrefixAndTheRestMakeTheWhole(seed: UInt64) throws {
        let log = busyScript(seed: seed, steps: 300)
        let whole = try ViewFixture(log, inBatchesOf: 64)
        var random = SeededRandom(seed: seed)
        let cut = random.below(log.records.count)
        let parts = try ViewFixture()
        parts.script.replace(log.records)
        try parts.engine.catchUp(upTo: LogPosition(rawValue: UInt64(cut)))
        #expect(parts.views.head == LogPosition(rawValue: UInt64(cut)))
        try parts.apply(Array(log.records.dropFirst(cut)), inBatchesOf: 7)
        try #expect(whole.engine.digests() == parts.engine.digests())
    }

    @Test func aRebuildOfAllOrOneIsEqualToTheLiveTables() throws {
        let log = busyScript(seed: 6, steps: 500)
        let fixture = try ViewFixture(log, inBatchesOf: 5)
        let live = try fixture.engine.digests()
        try fixture.engine.rebuild()
        #expect(try fixture.engine.digests() == live)
        for projection in builtInProjections {
            try fixture.engine.rebuild([projection.name])
            #expect(try fixture.engine.digests() == live, "\(projection.name)")
        }
        let tables = try fixture.views.environment.listTables()
        #expect(tables.count == ViewTable.allCases.count + 1)
        // Life goes on in the new tables.
        var longer = log
        longer.message("after", in: "!1:s", by: "@a:s")
        try fixture.engine.apply(Array(longer.records.suffix(1)))
        let again = try ViewFixture(longer, inBatchesOf: 1000)
        try #expect(fixture.engine.digests() == again.engine.digests())
        #expect(throws: ProjectionFault.self) { try fixture.engine.rebuild(["nothing"]) }
    }

    @Test func anErasedPayloadMakesTheSameTables() throws {
        var log = LogScript()
        log.room("!r:s", by: "@a:s")
        let events: [(String, String?, JSONObject)] = [
            ("m.room.message", nil, ["msgtype": "m.text", "body": "x", "m.mentions": [:]]),
            ("m.room.message", nil, ["msgtype": "m.notice", "body": "x"]),
            ("m.room.encrypted", nil, ["m.relates_to": ["rel_type": "m.replace"]]),
            ("m.room.topic", "", ["topic": "t"]),
            ("m.room.member", "@b:s", ["membership": "join", "displayname": "B"]),
        ]
        for (type, stateKey, content) in events {
            let target = log.event(type, in: "!r:s", by: "@a:s", stateKey: stateKey, content: content)
            log.event(
                "m.room.redaction", in: "!r:s", by: "@a:s", content: ["redacts": .string(target)], redacts: target)
        }
        let live = try ViewFixture(log, inBatchesOf: 100)
        for position in [5, 7, 9, 11, 13] as [UInt64] { try log.erase(LogPosition(rawValue: position)) }
        let replayed = try ViewFixture(log, inBatchesOf: 1)
        try #expect(live.engine.digests() == replayed.engine.digests())
        try live.read { transaction, tables in
            let room = try #require(try transaction.room(tables, "!r:s"))
            try transaction.forEach(tables.timelineOrder, prefix: ViewKeys.room(room)) { key, value in
                let entry = try TimelineEntry(key: key, value: value)
                #expect(entry.flags.isDisjoint(with: [.notifies, .mentions]))
                return true
            }
        }
    }

    @Test func anInterruptedReplayGoesOnWhereItWas() throws {
        var log = LogScript()
        log.room("!r:s", by: "@a:s")
        for number in 0..<5000 { log.message("m\(number)", in: "!r:s", by: "@a:s") }
        let fixture = try ViewFixture(replayChunks: 3)
        fixture.script.replace(log.records)
        #expect(throws: ProjectionFault.interrupted) { try fixture.engine.catchUp { _, _, _ in false } }
        let reached = fixture.views.head
        #expect(reached > LogPosition.none)
        #expect(reached < log.head)
        try fixture.engine.catchUp()
        let live = try fixture.engine.digests()

        #expect(throws: ProjectionFault.interrupted) { try fixture.engine.rebuild { _, _, _ in false } }
        let first = Mutex<LogPosition?>(nil)
        try fixture.engine.rebuild { done, _, _ in
            first.withLock { $0 = $0 ?? done }
            return true
        }
        // The first report of the second run is not of the first transaction again.
        #expect(first.withLock { $0 } == log.head)
        #expect(try fixture.engine.digests() == live)
    }

    @Test func tablesOfAnotherVersionAreRebuiltAtTheStart() throws {
        let log = busyScript(seed: 7, steps: 200)
        let fixture = try ViewFixture(log, inBatchesOf: 50)
        try fixture.engine.catchUp()
        let live = try fixture.engine.digests()
        let newer = builtInProjections.map { $0.name == "names" ? $0 : Newer(inner: $0) as any Projection }
        let engine = ProjectionEngine(views: fixture.views, projections: newer, source: fixture.script.source)
        let replayed = Mutex(false)
        try engine.catchUp { _, _, _ in
            replayed.withLock { $0 = true }
            return true
        }
        #expect(replayed.withLock { $0 })
        #expect(try engine.digests() == live)
        replayed.withLock { $0 = false }
        try engine.catchUp { _, _, _ in
            replayed.withLock { $0 = true }
            return true
        }
        #expect(!replayed.withLock { $0 })
    }

    private struct Newer: Projection {
        let inner: any Projection
        var name: String { inner.name }
        var version: UInt32 { inner.version + 1 }
        var tables: [ViewTable] { inner.tables }

        func apply(
            _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
        ) throws {
            try inner.apply(record, transaction, batch)
        }
    }
}
