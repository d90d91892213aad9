import EventLog
import KeyValueStore
import Synchronization
import Testing

@Suite struct EventLogTests {
    @Test func recordsComeBackAsTheyWere() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        let text = LogFixture.message(1)
        let receipt = try await log.append(LogBatch(records: [LogFixture.record(text), LogFixture.record("")]))
        #expect(receipt.positions == LogPosition(rawValue: 1)...LogPosition(rawValue: 2))
        #expect(log.durableHead == LogPosition(rawValue: 2))
        let record = try #require(try log.record(at: .first))
        #expect(record.payload == Array(text.utf8))
        #expect(record.stream == LogFixture.room)
        #expect(record.streamVersion == 1)
        #expect(record.actor == "@alice:example.org")
        #expect(record.cause == "PUT /send")
        #expect(record.kind == RecordKind(rawValue: 64))
        #expect(record.epoch == 1)
        #expect(record.wallTimeMs == 1_700_000_000_000)
        #expect(!record.isErased)
        #expect(record.payloadDigest.count == 32)
        #expect(try log.record(at: LogPosition(rawValue: 2))?.payload == [])
        #expect(try log.record(at: LogPosition(rawValue: 3)) == nil)
        #expect(try log.streamVersion(of: LogFixture.room) == 2)
    }

    @Test func theLogGoesOnAfterReopening() async throws {
        let fixture = LogFixture()
        let first = try fixture.open()
        _ = try await first.append(LogBatch(records: [LogFixture.record("one")]))
        first.close()
        await #expect(throws: AppendFault.self) { try await first.append(LogBatch(records: [])) }
        let second = try fixture.open()
        // Closing wrote a checkpoint at position 2.
        let receipt = try await second.append(
            LogBatch(records: [LogFixture.record("two")], expected: [(LogFixture.room, 1)]))
        #expect(receipt.positions.lowerBound == LogPosition(rawValue: 3))
        #expect(try second.record(at: LogPosition(rawValue: 2))?.kind == .checkpoint)
        #expect(try second.reader.verify(publicKey: fixture.key.publicKey).isValid)
    }

    @Test func sixtyFourAppendersShareCommitsInOrder() async throws {
        let fixture = LogFixture()
        let seen = Mutex<[UInt64]>([])
        let groups = Atomic(0)
        let counters = Counters(seen: seen, groups: groups)
        let log = try fixture.open { records in
            counters.add(records.map(\.position.rawValue))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for appender in 0..<64 {
                group.addTask {
                    let stream = StreamID(kind: .user, name: "@user\(appender % 8):example.org")
                    var last = LogPosition.none
                    for number in 0..<20 {
                        let records = (0...(number % 3)).map { _ in LogFixture.record("\(appender)", stream: stream) }
                        let receipt = try await log.append(LogBatch(records: records))
                        #expect(receipt.positions.count == records.count)
                        #expect(receipt.positions.lowerBound > last)
                        // What is acknowledged is applied.
                        #expect(counters.head >= receipt.positions.upperBound.rawValue)
                        last = receipt.positions.upperBound
                    }
                }
            }
            try await group.waitForAll()
        }
        let total = 64 * (7 * 1 + 7 * 2 + 6 * 3)
        #expect(log.durableHead.rawValue == UInt64(total))
        let isInOrder = counters.positions == Array(1...UInt64(total))
        #expect(isInOrder)
        #expect(counters.groupCount < 64 * 20)
        let outcome = try log.reader.verify()
        #expect(outcome.isValid, "\(String(describing: outcome.firstProblem))")
        #expect(outcome.recordsChecked == UInt64(total))
    }

    @Test func anUnexpectedVersionWritesNothing() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        _ = try await log.append(LogBatch(records: [LogFixture.record("one")], expected: [(LogFixture.room, 0)]))
        let fault = await #expect(throws: AppendFault.self) {
            try await log.append(LogBatch(records: [LogFixture.record("two")], expected: [(LogFixture.room, 0)]))
        }
        guard case .conflict(LogFixture.room, actual: 1) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(log.durableHead == .first)
        // An empty batch only checks.
        let receipt = try await log.append(LogBatch(records: [], expected: [(LogFixture.room, 1)]))
        #expect(receipt.positions == LogPosition.first...LogPosition.first)
    }

    @Test func ofManyThatExpectTheSameOneWins() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        let wins = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<32 {
                group.addTask {
                    do {
                        _ = try await log.append(
                            LogBatch(records: [LogFixture.record("\(number)")], expected: [(LogFixture.room, 0)]))
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
        #expect(try log.streamVersion(of: LogFixture.room) == 1)
    }

    @Test func theLogOutgrowsItsFirstMap() async throws {
        let fixture = LogFixture()
        let log = try fixture.open(LogOptions(store: StoreOptions(mapSize: 512 << 10, maxTables: 16)))
        let noise = fixture.bytes.next(3000).map { $0 | 1 }
        for number in 0..<40 {
            let records = (0..<50).map { _ in
                NewRecord(
                    kind: RecordKind(rawValue: 64), stream: LogFixture.room, payload: noise + Array("\(number)".utf8))
            }
            _ = try await log.append(LogBatch(records: records))
        }
        #expect(log.durableHead.rawValue == 2000)
        #expect(try log.reader.verify().isValid)
        #expect(try log.usage.mapBytes > 1 << 20)
    }

    @Test func aFullMapFailsTheBatchAndNothingElse() async throws {
        let fixture = LogFixture()
        let store = StoreOptions(mapSize: 256 << 10, maxMapSize: 256 << 10, maxTables: 16)
        let log = try fixture.open(LogOptions(store: store))
        let noise = fixture.bytes.next(8000)
        var stored: UInt64 = 0
        var fault: AppendFault?
        while fault == nil, stored < 1000 {
            do throws(AppendFault) {
                let record = NewRecord(kind: RecordKind(rawValue: 64), stream: LogFixture.room, payload: noise)
                _ = try await log.append(LogBatch(records: [record]))
                stored += 1
            } catch {
                fault = error
            }
        }
        guard case .storage(let storeFault) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(storeFault.code == .mapFull)
        #expect(log.durableHead.rawValue == stored)
        #expect(try log.streamVersion(of: LogFixture.room) == stored)
        #expect(try log.reader.verify().isValid)
    }

    @Test func aFailingProjectionIsTold() async throws {
        struct Halted: Error {}
        let fixture = LogFixture()
        let log = try fixture.open { _ in throw Halted() }
        let fault = await #expect(throws: AppendFault.self) {
            try await log.append(LogBatch(records: [LogFixture.record("one")]))
        }
        guard case .projection(let error) = fault, error is Halted else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(log.durableHead == .first)
        #expect(try log.record(at: .first) != nil)
    }

    @Test func reservedKindsAndLongNamesAreRefused() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        await #expect(throws: AppendFault.self) {
            try await log.append(LogBatch(records: [NewRecord(kind: .checkpoint, stream: .none, payload: [])]))
        }
        let long = StreamID(kind: .room, name: String(repeating: "x", count: 501))
        await #expect(throws: AppendFault.self) {
            try await log.append(LogBatch(records: [LogFixture.record("one", stream: long)]))
        }
        #expect(log.durableHead == .none)
    }

    @Test func cursorsAreStoredWithTheNextCommit() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        #expect(try log.cursor("push") == .none)
        log.setCursor("push", to: LogPosition(rawValue: 5))
        #expect(try log.cursor("push") == LogPosition(rawValue: 5))
        log.close()
        let again = try fixture.open()
        #expect(try again.cursor("push") == LogPosition(rawValue: 5))
    }

    @Test func epochsAreCountedAndRecorded() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        #expect(log.epoch == 1)
        let before = try log.epochIdentifier
        let receipt = try await log.openEpoch(reason: "restored")
        #expect(log.epoch == 2)
        #expect(try log.epochIdentifier != before)
        let record = try #require(try log.record(at: receipt.positions.lowerBound))
        #expect(record.kind == .epochOpened)
        #expect(record.epoch == 2)
        #expect(try EpochOpening(payload: record.payload).reason == "restored")
        log.close()
        #expect(try fixture.open().epoch == 2)
    }

    @Test func upcastersBringOldPayloadsUpToDate() async throws {
        let fixture = LogFixture()
        var upcasters = Upcasters()
        upcasters.register(RecordKind(rawValue: 64), from: 1) { $0 + [UInt8(ascii: "2")] }
        upcasters.register(RecordKind(rawValue: 64), from: 2) { $0 + [UInt8(ascii: "3")] }
        let log = try fixture.open(upcasters: upcasters)
        _ = try await log.append(LogBatch(records: [LogFixture.record("v1")]))
        let record = try #require(try log.record(at: .first))
        #expect(record.payload == Array("v123".utf8))
        #expect(record.version == 3)
        #expect(try log.reader.verify().isValid)
    }

    /// What the projections saw.
    private final class Counters: Sendable {
        private let seen: Mutex<[UInt64]>
        private let groups: Atomic<Int>

        init(seen: consuming Mutex<[UInt64]>, groups: consuming Atomic<Int>) {
            self.seen = seen
            self.groups = groups
        }

        func add(_ positions: [UInt64]) {
            seen.withLock { $0 += positions }
            groups.add(1, ordering: .relaxed)
        }

        var positions: [UInt64] { seen.withLock { $0 } }
        var head: UInt64 { seen.withLock { $0.last ?? 0 } }
        var groupCount: Int { groups.load(ordering: .relaxed) }
    }
}
