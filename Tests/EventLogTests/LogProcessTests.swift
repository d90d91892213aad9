import EventLog
import Glibc
import KeyValueStore
import Testing

/// What needs a process of its own: readers beside the writer, a full disk, a killed writer.
@Suite struct LogProcessTests {
    @Test func anotherProcessReadsBesideTheWriter() async throws {
        let fixture = LogFixture()
        // A map that must grow beneath the reader.
        let log = try fixture.open(LogOptions(store: StoreOptions(mapSize: 512 << 10, maxTables: 16)))
        let noise = fixture.bytes.next(2000)
        let writing = Task {
            for number in 0..<600 {
                let record = NewRecord(
                    kind: RecordKind(rawValue: 64), stream: LogFixture.room, payload: noise + Array("\(number)".utf8))
                _ = try await log.append(LogBatch(records: [record]))
            }
        }
        _ = try await log.append(LogBatch(records: [LogFixture.record("first")]))
        await #expect(processExitsWith: .success) { [path = fixture.directory.path as String] in
            let reader = try LogReader(directory: path)
            var seen: UInt64 = 0
            try await reader.tail(
                from: .first, pause: { try await Task.sleep(for: .milliseconds(1)) },
                { record in
                    seen += 1
                    return record.position.rawValue == seen && seen < 601
                })
            guard seen == 601, try reader.verify().isValid else { throw LogFault.noLog("\(seen)") }
            reader.close()
            // A second writer is refused in another process too.
            do throws(StoreFault) {
                _ = try StoreEnvironment(directory: path)
                exit(4)
            } catch {
                if error.code != .lockedByOther { exit(5) }
            }
        }
        try await writing.value
        log.close()
    }

    @Test func aFullDiskLosesNothingAndPasses() async throws {
        let fixture = LogFixture()
        await #expect(processExitsWith: .success) { [path = fixture.directory.path as String] in
            signal(SIGXFSZ, SIG_IGN)
            let bytes = RepeatableBytes()
            let log = try LMDBEventLog(
                directory: path, wallClock: { 1 }, randomBytes: { bytes.next($0) }, signer: { _ in [] })
            var limit = rlimit(rlim_cur: 2 << 20, rlim_max: rlim_t.max)
            guard setrlimit(__rlimit_resource_t(1), &limit) == 0 else { exit(3) }
            var stored: UInt64 = 0
            var isFull = false
            while !isFull, stored < 2000 {
                do throws(AppendFault) {
                    let record = NewRecord(
                        kind: RecordKind(rawValue: 64), stream: LogFixture.room, payload: bytes.next(6000))
                    _ = try await log.append(LogBatch(records: [record]))
                    stored += 1
                } catch {
                    guard case .storage(let fault) = error, fault.code == .diskFull, !fault.isFatal else { exit(4) }
                    isFull = true
                }
            }
            guard isFull, log.durableHead.rawValue == stored, try log.reader.verify().isValid else { exit(5) }
            limit.rlim_cur = rlim_t.max
            guard setrlimit(__rlimit_resource_t(1), &limit) == 0 else { exit(6) }
            for _ in 0..<100 {
                let record = NewRecord(
                    kind: RecordKind(rawValue: 64), stream: LogFixture.room, payload: bytes.next(6000))
                _ = try await log.append(LogBatch(records: [record], expected: [(LogFixture.room, stored)]))
                stored += 1
            }
            log.close()
            let reader = try LogReader(directory: path)
            guard try reader.verify().isValid, try reader.streamVersion(of: LogFixture.room) == stored else { exit(7) }
        }
    }

    @Test(arguments: [40, 150, 333])
    func aKilledWriterKeepsWhatItAcknowledged(count: Int) async throws {
        let fixture = LogFixture()
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = fixture.directory.path as String, count = count as Int] in
            let bytes = RepeatableBytes()
            let log = try LMDBEventLog(
                directory: path, wallClock: { 1 }, randomBytes: { bytes.next($0) }, signer: { _ in [] })
            let told = open(path + "/acknowledged", O_WRONLY | O_CREAT, 0o600)
            await withTaskGroup(of: Void.self) { group in
                for appender in 0..<8 {
                    group.addTask {
                        for _ in 0..<1000 {
                            do {
                                let receipt = try await log.append(
                                    LogBatch(records: [LogFixture.record("appender \(appender)")]))
                                var position = receipt.positions.upperBound.rawValue
                                pwrite(told, &position, 8, Int(position) * 8)
                                if position >= count { kill(getpid(), SIGKILL) }
                            } catch {
                                exit(9)
                            }
                        }
                    }
                }
            }
        }
        var acknowledged: UInt64 = 0
        if let file = fopen(fixture.directory.path + "/acknowledged", "r") {
            var position: UInt64 = 0
            while fread(&position, 8, 1, file) == 1 { acknowledged = max(acknowledged, position) }
            fclose(file)
        }
        #expect(acknowledged >= count)
        let log = try fixture.open()
        #expect(log.durableHead.rawValue >= acknowledged)
        #expect(try log.reader.verify().isValid)
        _ = try await log.append(LogBatch(records: [LogFixture.record("after")]))
    }
}
