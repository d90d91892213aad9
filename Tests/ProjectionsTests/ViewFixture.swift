import EventLog
import Glibc
import KeyValueStore
import ProjectionEngine
import Projections
import ReadModel
import Synchronization
import Testing

/// Views in a directory of their own with the engine that fills them from a script.
final class ViewFixture: Sendable {
    let directory: String
    let views: Views
    let engine: ProjectionEngine
    let script = ScriptedLog()
    let applied = AppliedBatches()

    init(replayChunks: Int = 40) throws {
        directory = try makeTemporaryDirectory()
        views = try Views(directory: directory)
        engine = ProjectionEngine(
            views: views, projections: builtInProjections, source: script.source, replayChunks: replayChunks,
            onApplied: { [applied] batch in applied.add(batch) })
    }

    /// Applies a whole script as the live path does.
    convenience init(_ script: LogScript, inBatchesOf size: Int = 3) throws {
        try self.init()
        self.script.replace(script.records)
        try apply(script.records, inBatchesOf: size)
    }

    func apply(_ records: [EventRecord], inBatchesOf size: Int) throws {
        var rest = records[...]
        while !rest.isEmpty {
            try engine.apply(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
    }

    deinit {
        try? views.close()
        removeDirectory(directory)
    }

    func read<R>(_ body: (borrowing ReadTransaction, ViewTables) throws -> R) throws -> R { try views.read(body) }
}

/// A log in memory.
final class ScriptedLog: Sendable {
    private let records = Mutex<[EventRecord]>([])

    func replace(_ new: [EventRecord]) {
        records.withLock { $0 = new }
    }

    var source: RecordSource {
        RecordSource(
            read: { [self] from, limit in
                guard from.rawValue > 0 else { return [] }
                return records.withLock { Array($0.dropFirst(Int(from.rawValue) - 1).prefix(limit)) }
            },
            head: { [self] in LogPosition(rawValue: UInt64(records.withLock { $0.count })) }
        )
    }
}

final class AppliedBatches: Sendable {
    private let batches = Mutex<[AppliedBatch]>([])
    var all: [AppliedBatch] { batches.withLock { $0 } }

    func add(_ batch: AppliedBatch) {
        batches.withLock { $0.append(batch) }
    }
}

/// Made afresh for each fixture, so that tests run side by side.
func makeTemporaryDirectory() throws -> String {
    var template = Array("/tmp/engram-views-XXXXXX".utf8CString)
    let isMade = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.map { mkdtemp($0) != nil } ?? false
    }
    try #require(isMade)
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

func removeDirectory(_ path: String) {
    for name in ["data.mdb", "lock.mdb", "writer.lock", "session", "session.new"] { unlink(path + "/" + name) }
    rmdir(path)
}
