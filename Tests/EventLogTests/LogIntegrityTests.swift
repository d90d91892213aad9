import EventLog
import KeyValueStore
import Testing

@Suite struct LogIntegrityTests {
    /// Bytes that do not compress, so that they can be found in the file.
    private func noise(_ fixture: LogFixture, _ count: Int) -> [UInt8] { fixture.bytes.next(count) }

    @Test(arguments: [600, 5000])
    func aFlippedByteNamesTheRecord(size: Int) async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        var payloads: [[UInt8]] = []
        for _ in 0..<300 {
            payloads.append(noise(fixture, size))
        }
        _ = try await log.append(
            LogBatch(
                records: payloads.map {
                    NewRecord(kind: RecordKind(rawValue: 64), stream: LogFixture.room, payload: $0)
                }))
        #expect(try log.reader.verify(publicKey: fixture.key.publicKey).isValid)
        log.close()
        #expect(fixture.damage(Array(payloads[122][100..<164])))
        let reader = try LogReader(directory: fixture.directory.path)
        let outcome = try reader.verify(publicKey: fixture.key.publicKey)
        #expect(outcome.firstProblem?.position == LogPosition(rawValue: 123))
        #expect(outcome.firstProblem?.what.contains("checksum") == true)
        #expect(throws: LogFault.self) { try reader.record(at: LogPosition(rawValue: 123)) }
        #expect(try reader.record(at: LogPosition(rawValue: 124)) != nil)
        reader.close()
        // Damage far from the end does not keep the server from starting.
        try fixture.open().close()
    }

    @Test func aDamagedEndIsRefusedAndTheLostRangeNamed() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        let last = noise(fixture, 500)
        var records = (0..<50).map { LogFixture.record("record \($0)") }
        records.append(NewRecord(kind: RecordKind(rawValue: 64), stream: LogFixture.room, payload: last))
        _ = try await log.append(LogBatch(records: records))
        log.close()
        #expect(fixture.damage(Array(last[10..<74])))
        let fault = #expect(throws: LogFault.self) { try fixture.open() }
        #expect(fault?.description.contains("whole up to position 50") == true)
        #expect(fault?.description.contains("51 to 52") == true)
    }

    @Test func checkpointsAreSignedByTheKey() async throws {
        let fixture = LogFixture()
        var options = LogOptions(store: StoreOptions(mapSize: 64 << 20, maxTables: 16))
        options.checkpointRecords = 10
        let log = try fixture.open(options)
        for number in 0..<35 { _ = try await log.append(LogBatch(records: [LogFixture.record("\(number)")])) }
        let outcome = try log.reader.verify(publicKey: fixture.key.publicKey)
        #expect(outcome.isValid)
        #expect(outcome.checkpointsChecked >= 3)
        let other = try log.reader.verify(publicKey: TestKey(seed: 8).publicKey)
        #expect(other.firstProblem?.what.contains("signature") == true)
    }

    @Test func erasedBytesAreNowhereInTheFile() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        // One small record, one in pages of its own, and compressed text, among others that stay.
        let small = noise(fixture, 300)
        let large = noise(fixture, 9001)
        let stays = noise(fixture, 700)
        let text = "A very secret sentence " + String(repeating: "that repeats, ", count: 20)
        for number in 0..<20 {
            let fillers = (0..<20).map { LogFixture.record(LogFixture.message(number * 20 + $0)) }
            _ = try await log.append(LogBatch(records: fillers))
        }
        let secret = try await log.append(
            LogBatch(
                records: [small, large, stays, Array(text.utf8)].map {
                    NewRecord(kind: RecordKind(rawValue: 64), stream: LogFixture.room, actor: "@a:b", payload: $0)
                }))
        // Later records go through the same pages in memory.
        for number in 0..<60 {
            _ = try await log.append(
                LogBatch(
                    records: [
                        LogFixture.record(LogFixture.message(number), stream: .init(kind: .user, name: "\(number)"))
                    ]))
        }
        let first = secret.positions.lowerBound.rawValue
        #expect(!fixture.places(of: small).isEmpty)
        #expect(!fixture.places(of: large[100..<2000]).isEmpty)
        let before = try #require(try log.record(at: LogPosition(rawValue: first)))
        let gone = [first, first + 1, first + 3].map { LogPosition(rawValue: $0) }
        let stored = try await storedBodies(log, gone)
        let receipt = try await log.erase(
            positions: gone, replacement: { $0.payload.count == 300 ? Array("what is left".utf8) : nil },
            actor: "@admin:example.org", reason: "asked to")
        let report = try await log.scrub()
        #expect(report.pagesCleaned > 0)
        #expect(report.pagesHeld == 0)
        for body in stored {
            for offset in stride(from: 0, to: body.count - 16, by: 16) {
                #expect(fixture.places(of: body[offset..<(offset + 16)]).isEmpty, "byte \(offset) of \(body.count)")
            }
        }
        #expect(fixture.places(of: small[0..<24]).isEmpty)
        #expect(!fixture.places(of: stays).isEmpty)
        let after = try #require(try log.record(at: LogPosition(rawValue: first)))
        #expect(after.isErased)
        #expect(after.payload == Array("what is left".utf8))
        #expect(after.payloadDigest == before.payloadDigest)
        #expect(after.chainHash == before.chainHash)
        #expect(after.actor == "@a:b")
        let record = try #require(try log.record(at: receipt.positions.lowerBound))
        #expect(Erasure.positions(in: record) == gone)
        #expect(try Erasure(payload: record.payload).reason == "asked to")
        let outcome = try log.reader.verify(publicKey: fixture.key.publicKey)
        #expect(outcome.isValid, "\(String(describing: outcome.firstProblem))")
        #expect(outcome.erasedRecords == 3)
        // And the log goes on.
        _ = try await log.append(LogBatch(records: [LogFixture.record("more")]))
        log.close()
        let again = try fixture.open()
        #expect(try again.reader.verify(publicKey: fixture.key.publicKey).isValid)
    }

    /// The bodies as stored, compressed or not.
    private func storedBodies(_ log: LMDBEventLog, _ positions: [LogPosition]) async throws -> [[UInt8]] {
        var bodies: [[UInt8]] = []
        try log.reader.scanStored(from: .first) { position, bytes in
            // After header and salt, and after the strings, which stay.
            if positions.contains(position) { bodies.append(Array(bytes[140...])) }
            return true
        }
        return bodies
    }

    @Test func scrubbingAnUntouchedLogHarmsNothing() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        for number in 0..<200 {
            let record = NewRecord(
                kind: RecordKind(rawValue: 64), stream: StreamID(kind: .user, name: "@u\(number):x"),
                payload: noise(fixture, (number * 97) % 6000))
            _ = try await log.append(LogBatch(records: [record]))
        }
        _ = try await log.scrub()
        let second = try await log.scrub()
        #expect(second.pagesRead > 100)
        #expect(try log.reader.verify().isValid)
        for number in 0..<50 { _ = try await log.append(LogBatch(records: [LogFixture.record("\(number)")])) }
        #expect(try log.reader.verify().isValid)
    }

    @Test func appendsGoOnDuringAScrub() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<300 { _ = try await log.append(LogBatch(records: [LogFixture.record("\(number)")])) }
            }
            group.addTask {
                for _ in 0..<10 { _ = try await log.scrub() }
            }
            group.addTask {
                for _ in 0..<300 {
                    _ = try log.read(from: .first, limit: 50)
                    await Task.yield()
                }
            }
            try await group.waitForAll()
        }
        #expect(try log.reader.verify().recordsChecked == 300)
        #expect(try log.reader.verify().isValid)
    }

    @Test func aBackupRestoresIntoANewEpoch() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        for number in 0..<100 { _ = try await log.append(LogBatch(records: [LogFixture.record("\(number)")])) }
        log.setCursor("push", to: LogPosition(rawValue: 90))
        _ = try await log.append(LogBatch(records: [LogFixture.record("last")]))
        let target = LogFixture()
        let restorer = try LogRestorer(directory: target.directory.path)
        try restorer.importTables(try log.reader.exportTables())
        try log.reader.scanStored(from: .first) { position, bytes in
            if position.rawValue <= 60 { try restorer.append(position: position, stored: bytes) }
            return true
        }
        let bytes = target.bytes
        try restorer.finish(openingEpochBecause: "test", wallTimeMs: 5) { bytes.next($0) }
        let restored = try target.open()
        #expect(restored.epoch == 2)
        #expect(restored.durableHead == LogPosition(rawValue: 61))
        #expect(try restored.streamVersion(of: LogFixture.room) == 60)
        #expect(try restored.cursor("push") == LogPosition(rawValue: 60))
        #expect(try restored.record(at: LogPosition(rawValue: 60))?.payload == Array("59".utf8))
        #expect(try restored.reader.verify().isValid)
        _ = try await restored.append(LogBatch(records: [LogFixture.record("new")], expected: [(LogFixture.room, 60)]))
        #expect(try restored.reader.verify().isValid)
    }

    @Test func aSecondWriterIsRefused() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        #expect(throws: LogFault.self) { try fixture.open() }
        log.close()
    }

    @Test func readersBesideTheWriterSeeEachCommit() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        let reader = log.reader
        for number in 0..<10 {
            _ = try await log.append(LogBatch(records: [LogFixture.record("\(number)")]))
            #expect(try reader.head() == log.durableHead)
        }
        var texts: [String] = []
        try reader.scan(from: LogPosition(rawValue: 4)) { record in
            texts.append(String(decoding: record.payload, as: UTF8.self))
            return texts.count < 3
        }
        #expect(texts == ["3", "4", "5"])
    }

    @Test func adirectoryWithoutALogIsNamed() throws {
        let fixture = LogFixture()
        let fault = #expect(throws: LogFault.self) { try LogReader(directory: fixture.directory.path) }
        guard case .noLog = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }
}
