import EventLog
import Glibc
import KeyValueStore
import ProjectionEngine
import Projections
import ReadModel

/// `state-bench [joins] [forks] [directory]`: makes a room of so many joins, once in a line and once with so many forks, through
/// a log and the projections, and prints what the state at every event takes up, as `engram log stats` counts it: all pages of
/// the tables of room state (branch, leaf and overflow, however full) over the bytes of the state events' ids, types and keys.
@main
enum StateBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        let joins = arguments.count > 1 ? Int(arguments[1]) ?? 100_000 : 100_000
        let forks = arguments.count > 2 ? Int(arguments[2]) ?? 1000 : 1000
        let directory = arguments.count > 3 ? arguments[3] : "state-bench.data"
        mkdir(directory, 0o700)
        try measure("linear", joins, nil, directory + "/linear")
        try measure("\(forks) forks", joins, max(1, joins / max(forks, 1)), directory + "/forked")
    }

    private static func measure(_ name: String, _ joins: Int, _ every: Int?, _ directory: String) throws {
        mkdir(directory, 0o700)
        for part in ["log", "views"] {
            mkdir(directory + "/" + part, 0o700)
            for file in ["data.mdb", "lock.mdb", "session", "writer.lock"] { unlink("\(directory)/\(part)/\(file)") }
        }
        let log = try LMDBEventLog(
            directory: directory + "/log",
            options: LogOptions(store: StoreOptions(mapSize: 1 << 30, maxTables: 16, durability: .unsynced)),
            wallClock: { 1_700_000_000_000 },
            randomBytes: { (0..<$0).map { _ in UInt8.random(in: 0...255) } },
            signer: { _ in [UInt8](repeating: 1, count: 64) })
        defer { log.close() }
        var room = ForkedRoom()
        var batch: [NewRecord] = []
        let waiting = Semaphore(64)
        func append() {
            waiting.wait()
            log.enqueue(LogBatch(records: batch, expected: [])) { result in
                waiting.signal()
                if case .failure(let fault) = result { print("append failed: \(fault)") }
            }
            batch = []
        }
        room.records(joins: joins, forkEvery: every) { records in
            batch += records
            if batch.count >= 200 { append() }
        }
        append()
        for _ in 0..<64 { waiting.wait() }
        let views = try Views(directory: directory + "/views")
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        let clock = ContinuousClock()
        // In small batches, as the live path has them: that is how pages get to be half full.
        let time = try clock.measure {
            while views.head < log.durableHead { try engine.apply(log.read(from: views.head.next, limit: 16)) }
        }
        let storage = try StateStorage(measuring: views)
        print("\(name): \(room.joins) joins, \(room.forks) forks, \(log.durableHead) records, applied in \(time)")
        for entry in storage.usage {
            print("  \(entry.table.rawValue): \(entry.usage.entries) entries, \(entry.usage.bytes) bytes")
        }
        print("  room state \(storage.bytes) bytes, ids, types and keys \(storage.describedBytes) bytes")
        print("  ratio \(storage.ratio)")
        try views.read { transaction, tables in
            for table in [ViewTable.namesByHash, .namesByNumber, .stateMembers, .authRows, .authCitations] {
                let usage = try transaction.usage(tables[table])
                print("  not counted: \(table.rawValue): \(usage.entries) entries, \(usage.bytes) bytes")
            }
        }
        let live = try engine.digests()
        try engine.rebuild()
        print("  rebuilt equals live: \(try engine.digests() == live)")
        print("  ratio of the rebuilt tables \(try StateStorage(measuring: views).ratio)")
        try views.close()
    }
}

/// Counts batches under way.
final class Semaphore: Sendable {
    private let count: Int
    // SAFETY: a semaphore of the system, which any thread may use.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init(_ count: Int) {
        self.count = count
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, UInt32(count))
    }

    func wait() { sem_wait(semaphore) }
    func signal() { sem_post(semaphore) }
}
