import EventLog
import Glibc
import KeyValueStore
import ProjectionEngine
import Projections
import ReadModel
import Synchronization

/// `replay-bench [records] [directory]`: fills a log, replays it into all projections, then applies small batches as the
/// live path does. A directory that holds a log already is used as it is.
///
/// `replay-bench [records] [directory] apply` goes on with the views that are there, in batches of 1 to 16 records, so that it
/// can be killed at any moment; `… digests` catches up and prints the digests, which must be those of views never killed.
@main
enum ReplayBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        let count = arguments.count > 1 ? Int(arguments[1]) ?? 1_000_000 : 1_000_000
        let directory = arguments.count > 2 ? arguments[2] : "replay-bench.data"
        mkdir(directory, 0o700)
        let logDirectory = directory + "/log"
        let isNew = access(logDirectory + "/data.mdb", F_OK) != 0
        let log = try LMDBEventLog(
            directory: logDirectory,
            options: LogOptions(store: StoreOptions(mapSize: 4 << 30, maxTables: 16, durability: .unsynced)),
            wallClock: { 1_700_000_000_000 },
            randomBytes: { (0..<$0).map { _ in UInt8.random(in: 0...255) } },
            signer: { _ in [UInt8](repeating: 1, count: 64) })
        defer { log.close() }
        if isNew { fill(log, count) }
        let records = Double(log.durableHead.rawValue)

        let viewDirectory = directory + "/views"
        if arguments.count > 3 {
            try goOn(arguments[3], log, viewDirectory)
            return
        }
        for name in ["data.mdb", "lock.mdb", "session", "writer.lock"] { unlink(viewDirectory + "/" + name) }
        let views = try Views(directory: viewDirectory)
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        let clock = ContinuousClock()
        let before = (cpu(CLOCK_THREAD_CPUTIME_ID), cpu(CLOCK_PROCESS_CPUTIME_ID))
        let replayTime = try clock.measure {
            try engine.catchUp { done, _, perSecond in
                print("  \(done) \(Int(perSecond)) records/s")
                return true
            }
        }
        print("replay: \(Int(records / seconds(replayTime))) records/s over \(Int(records)) records")
        let writing = (cpu(CLOCK_THREAD_CPUTIME_ID) - before.0) * 1e6 / records
        let both = (cpu(CLOCK_PROCESS_CPUTIME_ID) - before.1) * 1e6 / records
        print("CPU per record: writing \(round(writing)) µs, reading and decoding \(round(both - writing)) µs")
        let logBytes = try log.usage
        let viewBytes = try views.environment.usage
        let perLog = Double(logBytes.usedBytes - logBytes.freeBytes) / records
        let perView = Double(viewBytes.usedBytes - viewBytes.freeBytes) / records
        print("bytes in use per record: log \(Int(perLog)), views \(Int(perView)), both \(Int(perLog + perView))")
        let files = Double(logBytes.fileBytes + viewBytes.fileBytes) / records
        print("bytes of files per record: \(Int(files))")
        try printTables(views)
        try live(engine, after: log.durableHead, chain: log)
        try views.close()
    }

    private static func goOn(_ verb: String, _ log: LMDBEventLog, _ viewDirectory: String) throws {
        let views = try Views(directory: viewDirectory)
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        print("views at \(views.head), discarded \(views.wasDiscarded)")
        var size = 1
        while verb == "apply", views.head < log.durableHead {
            try engine.apply(log.read(from: views.head.next, limit: size))
            size = size % 16 + 1
        }
        try engine.catchUp()
        for digest in try engine.digests() {
            print(digest.name, digest.digest.map { String($0, radix: 16) }.joined())
        }
        try views.close()
    }

    private static func cpu(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func round(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

    private static func fill(_ log: LMDBEventLog, _ count: Int) {
        var generator = GeneratedLog(rooms: 100, users: 100)
        let waiting = Semaphore(64)
        func append(_ records: [NewRecord]) {
            waiting.wait()
            log.enqueue(LogBatch(records: records, expected: [])) { result in
                waiting.signal()
                if case .failure(let fault) = result { print("append failed: \(fault)") }
            }
        }
        var setUp = generator.setUp()[...]
        while !setUp.isEmpty {
            append(Array(setUp.prefix(100)))
            setUp = setUp.dropFirst(100)
        }
        for index in stride(from: 0, to: count, by: 100) {
            append((0..<min(100, count - index)).map { _ in generator.message() })
        }
        for _ in 0..<64 { waiting.wait() }
        print("log filled: \(log.durableHead) records")
    }

    private static func printTables(_ views: Views) throws {
        let counts = try views.read { transaction, tables in
            try ViewTable.allCases.map { ($0.rawValue, try transaction.count(tables[$0])) }
        }
        print(counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
    }

    /// Small batches of messages in the same rooms.
    private static func live(_ engine: ProjectionEngine, after head: LogPosition, chain: LMDBEventLog) throws {
        var generator = GeneratedLog(rooms: 100, users: 100)
        _ = generator.setUp()
        var position = head
        for size in [1, 2, 4, 8, 16, 64] {
            let total = 8000
            var batches: [[EventRecord]] = []
            for _ in 0..<(total / size) {
                var batch: [EventRecord] = []
                for _ in 0..<size {
                    position = position.next
                    batch.append(
                        EventRecord(
                            position: position, wallTimeMs: 1, streamVersion: position.rawValue,
                            record: generator.message()))
                }
                batches.append(batch)
            }
            let began = cpu(CLOCK_THREAD_CPUTIME_ID)
            let time = try ContinuousClock().measure {
                for batch in batches { try engine.apply(batch) }
            }
            let used = (cpu(CLOCK_THREAD_CPUTIME_ID) - began) * 1e6 / Double(total)
            let micro = seconds(time) * 1e6 / Double(total)
            print("live, batches of \(size): \(round(micro)) µs per record, \(round(used)) µs of CPU")
        }
    }
}

/// Bounds how many batches wait in the log.
private final class Semaphore: @unchecked Sendable {
    // SAFETY: `sem_t` is made for use from several threads; the pointer lives as long as the object.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init(_ count: UInt32) {
        sem_init(semaphore, 0, count)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func wait() {
        while sem_wait(semaphore) != 0 {}
    }

    func signal() {
        sem_post(semaphore)
    }
}
