import EventLog
import Glibc
import KeyValueStore
import Testing

/// The bytes of stored records: what the documentation shows, and what older versions have written.
@Suite struct StoredFormatTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    private static let updates = getenv("UPDATE_GOLDEN") != nil

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    private static func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else { return }
        fputs(text, file)
        fclose(file)
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func bytes(hex text: some StringProtocol) -> [UInt8] {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue.map({ UInt8($0) }) else { continue }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    private func storedRecords(_ log: LMDBEventLog) throws -> [[UInt8]] {
        var records: [[UInt8]] = []
        try log.reader.scanStored(from: .first) { _, bytes in
            records.append(Array(bytes))
            return true
        }
        return records
    }

    /// The record that `docs/format/log.md` shows, in lines by field.
    private func documentedRecord() async throws -> String {
        let fixture = LogFixture()
        var options = LogOptions(store: StoreOptions(mapSize: 16 << 20, maxTables: 16))
        // What zstd makes of a body may differ between its versions.
        options.noCompressionFrom = 0
        let log = try fixture.open(options)
        _ = try await log.append(LogBatch(records: [LogFixture.record(#"{"body":"Hello"}"#)]))
        let record = try #require(try storedRecords(log).first)
        let fields: [(String, Range<Int>)] = [
            ("format", 0..<1), ("flags", 1..<2), ("dictionary", 2..<4), ("body size", 4..<8), ("kind", 8..<10),
            ("version", 10..<11), ("stream kind", 11..<12), ("epoch", 12..<16), ("wall time", 16..<24),
            ("stream version", 24..<32), ("digest", 32..<64), ("chain hash", 64..<96), ("CRC-32C", 96..<100),
            ("salt", 100..<116), ("body", 116..<record.count),
        ]
        return fields.map { name, range in
            let label = "\(range.lowerBound)  \(name)"
            return label + String(repeating: " ", count: 22 - label.utf8.count) + Self.hex(record[range])
        }.joined(separator: "\n")
    }

    @Test func theDocumentedRecordIsWhatIsStored() async throws {
        let path = Self.root + "/docs/format/log.md"
        let document = try #require(Self.read(path))
        let begin = try #require(document.firstRange(of: "<!-- golden record -->\n```text\n"))
        let end = try #require(document[begin.upperBound...].firstRange(of: "\n```"))
        let made = try await documentedRecord()
        if Self.updates {
            Self.write(String(document[..<begin.upperBound]) + made + String(document[end.lowerBound...]), to: path)
        } else {
            #expect(document[begin.upperBound..<end.lowerBound] == made)
        }
    }

    /// A log that the first version wrote: tables, then records, in hexadecimal. It is never written anew.
    @Test func logsOfTheFirstVersionAreReadForEver() async throws {
        let path = Self.root + "/fixtures/log/v1/log.hex"
        if Self.read(path) == nil { try await Self.writeFixture(to: path) }
        let lines = try #require(Self.read(path)).split(separator: "\n").filter { !$0.hasPrefix("#") }
        let target = LogFixture()
        let restorer = try LogRestorer(directory: target.directory.path)
        try restorer.importTables(Self.bytes(hex: lines[0]))
        for (index, line) in lines.dropFirst().enumerated() {
            try restorer.append(position: LogPosition(rawValue: UInt64(index + 1)), stored: Self.bytes(hex: line))
        }
        let bytes = target.bytes
        try restorer.finish(openingEpochBecause: "test", wallTimeMs: 1) { bytes.next($0) }
        let log = try target.open()
        let outcome = try log.reader.verify(publicKey: TestKey().publicKey)
        #expect(outcome.isValid, "\(String(describing: outcome.firstProblem))")
        #expect(outcome.erasedRecords == 1)
        #expect(outcome.checkpointsChecked == 1)
        let records = try log.read(from: .first, limit: 100)
        #expect(records.map(\.kind.rawValue) == [64, 64, 64, 65, 2, 3, 1, 2])
        #expect(records[0].payload == Array(LogFixture.message(1).utf8))
        #expect(records[1].payload == Array("{}".utf8))
        #expect(records[1].isErased)
        #expect(records[2].payload == Array("third".utf8))
        #expect(records[2].streamVersion == 3)
        #expect(records[3].stream == StreamID(kind: .user, name: "@bob:example.org"))
        #expect(records[4].epoch == 2)
    }

    private static func writeFixture(to path: String) async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        _ = try await log.append(LogBatch(records: [LogFixture.record(LogFixture.message(1))]))
        _ = try await log.append(LogBatch(records: [LogFixture.record("second"), LogFixture.record("third")]))
        _ = try await log.append(
            LogBatch(records: [
                NewRecord(
                    kind: RecordKind(rawValue: 65), stream: StreamID(kind: .user, name: "@bob:example.org"),
                    payload: Array(#"{"user_id":"@bob:example.org"}"#.utf8))
            ]))
        _ = try await log.openEpoch(reason: "fixture")
        _ = try await log.erase(
            positions: [LogPosition(rawValue: 2)], replacement: { _ in Array("{}".utf8) }, actor: "@admin:example.org",
            reason: "fixture")
        log.close()
        let reader = try LogReader(directory: fixture.directory.path)
        var text = "# A log as format 1 stores it: the small tables, then each record. Never change it.\n"
        text += hex(try reader.exportTables()) + "\n"
        try reader.scanStored(from: .first) { _, bytes in
            text += hex(bytes) + "\n"
            return true
        }
        reader.close()
        write(text, to: path)
    }

    @Test func newerFormatsAreRefusedByName() async throws {
        let fixture = LogFixture()
        let log = try fixture.open()
        _ = try await log.append(LogBatch(records: [LogFixture.record("one")]))
        log.close()
        let store = try StoreEnvironment(directory: fixture.directory.path)
        let meta = try store.table("meta")
        try store.write { try $0.put(meta, "format", StoreKey().appending(9 as UInt32)) }
        store.close()
        let fault = #expect(throws: LogFault.self) { try fixture.open() }
        #expect(fault?.description.contains("newer engram") == true)
        let readerFault = #expect(throws: LogFault.self) { try LogReader(directory: fixture.directory.path) }
        #expect(readerFault?.description.contains("format is 9") == true)
    }
}
