import EventLog
import Glibc
import KeyValueStore
import Synchronization

/// Appends records in batches and prints how many a second were durable.
///
///     log-bench DIRECTORY BATCH RECORDS PIPELINE [DUMP]
///
/// PIPELINE batches are under way at once; 1 awaits each before it encodes the next. DUMP gets the stored bytes of
/// the records, each after its length (4 bytes, little-endian), for the same loop in C.
@main
struct LogBench {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 5, let batch = Int(arguments[2]), let count = Int(arguments[3]),
            let pipeline = Int(arguments[4])
        else {
            print("usage: log-bench DIRECTORY BATCH RECORDS PIPELINE [DUMP]")
            exit(2)
        }
        let log = try LMDBEventLog(
            directory: arguments[1],
            options: LogOptions(store: StoreOptions(mapSize: 4 << 30, maxTables: 16), checkpointRecords: .max),
            wallClock: {
                var now = timespec()
                clock_gettime(CLOCK_REALTIME, &now)
                return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
            },
            randomBytes: randomBytes, signer: { _ in [] })
        let records = makeRecords(min(count, 20_000))
        let batches = (0..<max(1, records.count / batch)).map { index in
            LogBatch(records: Array(records[(index * batch)..<((index + 1) * batch)]))
        }
        let total = count / batch
        let next = Counter()
        let started = now()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<pipeline {
                group.addTask {
                    while true {
                        let number = next.take()
                        if number >= total { return }
                        _ = try await log.append(batches[number % batches.count])
                    }
                }
            }
            try await group.waitForAll()
        }
        let seconds = now() - started
        let rate = Double(total * batch) / seconds
        print(
            "\(Int(rate)) records/s, \(Int(seconds * 1e6 / Double(total))) us a batch of \(batch), pipeline \(pipeline)"
        )
        if arguments.count > 5 { try dump(log.reader, to: arguments[5]) }
        log.close()
    }

    final class Counter: Sendable {
        private let value = Atomic(0)
        func take() -> Int { value.add(1, ordering: .relaxed).oldValue }
    }

    static func now() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    static let random = open("/dev/urandom", O_RDONLY)

    @Sendable static func randomBytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, read(random, buffer.baseAddress, count))
        }
    }

    /// Messages of 1 KB as a homeserver would store them: half of each is identifiers and signatures.
    static func makeRecords(_ count: Int) -> [NewRecord] {
        var generator = Generator(state: 42)
        return (0..<count).map { number in
            let room = "!\(generator.letters(18)):example.org"
            let sender = "@user\(generator.below(500)):example.org"
            let words = (0..<40).map { _ in Self.words[generator.below(Self.words.count)] }.joined(separator: " ")
            let json = """
                {"auth_events":["$\(generator.letters(43))","$\(generator.letters(43))","$\(generator.letters(43))"],\
                "content":{"body":"\(words)","m.mentions":{},"msgtype":"m.text"},"depth":\(number),\
                "hashes":{"sha256":"\(generator.letters(43))"},"origin_server_ts":\(1_700_000_000_000 + number * 977),\
                "prev_events":["$\(generator.letters(43))"],"room_id":"\(room)","sender":"\(sender)",\
                "signatures":{"example.org":{"ed25519:auto":"\(generator.letters(86))"}},"type":"m.room.message"}
                """
            return NewRecord(
                kind: RecordKind(rawValue: 64), stream: StreamID(kind: .room, name: "!room\(number % 50):example.org"),
                actor: sender, cause: "PUT /send", payload: Array(json.utf8))
        }
    }

    static let words =
        "the a I you we is are to of in it that for on with this as at be have not but can do if or so what when".split(
            separator: " ")

    struct Generator {
        var state: UInt64
        static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

        mutating func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }

        mutating func letters(_ count: Int) -> String {
            String(decoding: (0..<count).map { _ in Self.alphabet[below(64)] }, as: UTF8.self)
        }
    }

    static func dump(_ reader: LogReader, to path: String) throws {
        guard let file = fopen(path, "w") else { return }
        defer { fclose(file) }
        var left = 20_000
        try reader.scanStored(from: .first) { _, bytes in
            var length = UInt32(bytes.count).littleEndian
            fwrite(&length, 4, 1, file)
            fwrite(bytes.baseAddress, 1, bytes.count, file)
            left -= 1
            return left > 0
        }
    }
}
