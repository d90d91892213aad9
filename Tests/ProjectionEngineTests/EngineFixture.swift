import EventLog
import Glibc
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel
import Synchronization
import Testing

/// Notes each record; refuses one when told to.
final class CountingProjection: Projection {
    let name = "counting"
    let version: UInt32 = 1
    let tables: [ViewTable] = [.filtersRows]
    private let failsAt: UInt64?
    private let refusesOnceAt: Mutex<UInt64?>

    init(failsAt: UInt64? = nil, refusesOnceAt: UInt64? = nil) {
        self.failsAt = failsAt
        self.refusesOnceAt = Mutex(refusesOnceAt)
    }

    struct Refusal: Error, CustomStringConvertible {
        let description = "no sevens"
    }

    func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        if record.position.rawValue == failsAt { throw Refusal() }
        let refuses = refusesOnceAt.withLock { at in
            guard at == record.position.rawValue else { return false }
            at = nil
            return true
        }
        if refuses { throw StoreFault(code: .diskFull, operation: "testing", path: "") }
        try transaction.put(batch.tables.filtersRows, ViewKeys.event(record.position), [])
    }
}

final class EngineFixture: Sendable {
    private let directory: String
    let views: Views
    let engine: ProjectionEngine
    let log: Log

    final class Log: Sendable {
        private let records: Mutex<[EventRecord]>

        init(_ records: [EventRecord]) {
            self.records = Mutex(records)
        }

        func withLock<R: Sendable>(_ body: (inout [EventRecord]) -> R) -> R {
            var copy = records.withLock { $0 }
            let result = body(&copy)
            let changed = copy
            records.withLock { $0 = changed }
            return result
        }
    }

    init(projections: [any Projection], log records: [EventRecord]? = nil) throws {
        directory = try temporaryDirectory()
        views = try Views(directory: directory)
        let log = Log(records ?? [])
        self.log = log
        let source = RecordSource(
            read: { from, limit in log.withLock { Array($0.dropFirst(Int(from.rawValue) - 1).prefix(limit)) } },
            head: { LogPosition(rawValue: UInt64(log.withLock { $0.count })) }
        )
        engine = ProjectionEngine(views: views, projections: projections, source: records == nil ? nil : source)
    }

    deinit {
        try? views.close()
        remove(directory)
    }

    func appliedPositions() throws -> [Int] {
        try views.read { transaction, tables in
            var positions: [Int] = []
            try transaction.forEach(tables.filtersRows) { key, _ in
                var input = ByteReader(key)
                positions.append(Int(try input.readUInt64()))
                return true
            }
            return positions
        }
    }
}

func makeRecord(
    _ position: UInt64, kind: RecordKind = .profileFieldSet, version: UInt8 = 1, payload: [UInt8]
) -> EventRecord {
    let record = NewRecord(
        kind: kind, version: version, stream: StreamID(kind: .user, name: "@a:s"), actor: "", cause: "",
        payload: payload)
    return EventRecord(
        position: LogPosition(rawValue: position), wallTimeMs: 1, streamVersion: position, record: record)
}

func makeRecords(_ count: UInt64) -> [EventRecord] {
    (1...count).map { makeRecord($0, payload: ProfileFieldSet(userID: "@a:s", field: "f\($0)").payload()) }
}

func temporaryDirectory() throws -> String {
    var template = Array("/tmp/engram-engine-XXXXXX".utf8CString)
    let isMade = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.map { mkdtemp($0) != nil } ?? false
    }
    try #require(isMade)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

func remove(_ path: String) {
    for name in ["data.mdb", "lock.mdb", "writer.lock", "session", "session.new"] { unlink(path + "/" + name) }
    rmdir(path)
}
