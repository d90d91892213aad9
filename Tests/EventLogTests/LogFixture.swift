import CSodium
import EventLog
import Glibc
import KeyValueStore
import Synchronization

/// An Ed25519 key pair from a fixed seed.
struct TestKey: Sendable {
    let publicKey: [UInt8]
    private let secretKey: [UInt8]

    init(seed: UInt8 = 7) {
        var publicKey = [UInt8](repeating: 0, count: 32)
        var secretKey = [UInt8](repeating: 0, count: 64)
        let seed = [UInt8](repeating: seed, count: 32)
        _ = crypto_sign_ed25519_seed_keypair(&publicKey, &secretKey, seed)
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    func sign(_ message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: 64)
        _ = crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), secretKey)
        return signature
    }
}

/// Bytes that look random and are the same in every run.
final class RepeatableBytes: Sendable {
    private let seed = Atomic<UInt64>(1)

    func next(_ count: Int) -> [UInt8] {
        var state = seed.wrappingAdd(1, ordering: .relaxed).newValue &* 0x9e37_79b9_7f4a_7c15
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }
}

/// A log in a directory of its own.
struct LogFixture {
    let directory = TemporaryDirectory()
    let key = TestKey()
    let bytes = RepeatableBytes()

    func open(
        _ options: LogOptions = LogOptions(store: StoreOptions(mapSize: 64 << 20, maxTables: 16)),
        upcasters: Upcasters = Upcasters(),
        onCommitted: (@Sendable ([EventRecord]) throws -> Void)? = nil
    ) throws -> LMDBEventLog {
        let key = key
        let bytes = bytes
        return try LMDBEventLog(
            directory: directory.path, options: options, upcasters: upcasters, wallClock: { 1_700_000_000_000 },
            randomBytes: { bytes.next($0) }, signer: { key.sign($0) }, onCommitted: onCommitted)
    }

    static let room = StreamID(kind: .room, name: "!room:example.org")

    static func record(_ text: String, stream: StreamID = room) -> NewRecord {
        NewRecord(
            kind: RecordKind(rawValue: 64), stream: stream, actor: "@alice:example.org", cause: "PUT /send",
            payload: Array(text.utf8))
    }

    /// A message event as a homeserver stores it.
    static func message(_ number: Int) -> String {
        """
        {"auth_events":["$a\(number)","$b\(number)"],"content":{"body":"Message number \(number), and some words more",\
        "msgtype":"m.text"},"depth":\(number),"hashes":{"sha256":"thishashcoversallfieldsincasethisisredacted"},\
        "origin_server_ts":1700000\(number),"prev_events":["$p\(number)"],"room_id":"!room:example.org",\
        "sender":"@alice:example.org","type":"m.room.message"}
        """
    }

    func fileBytes() -> [UInt8] {
        guard let file = fopen(directory.path + "/data.mdb", "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    /// Where `pattern` is in the data file.
    func places(of pattern: some Collection<UInt8>) -> [Int] {
        let pattern = Array(pattern)
        return fileBytes().withUnsafeBytes { bytes in
            var found: [Int] = []
            var start = 0
            while let base = bytes.baseAddress, start + pattern.count <= bytes.count {
                guard let hit = memchr(base + start, Int32(pattern[0]), bytes.count - start) else { break }
                let place = UnsafeRawPointer(hit) - base
                if place + pattern.count <= bytes.count, memcmp(base + place, pattern, pattern.count) == 0 {
                    found.append(place)
                }
                start = place + 1
            }
            return found
        }
    }

    /// Changes a byte of the data file wherever `pattern` begins, also in stale copies; false when it is nowhere.
    func damage(_ pattern: [UInt8]) -> Bool {
        let places = places(of: pattern)
        guard let first = pattern.first, let file = fopen(directory.path + "/data.mdb", "r+") else { return false }
        defer { fclose(file) }
        for place in places {
            fseek(file, place, SEEK_SET)
            fputc(Int32(first ^ 0x40), file)
        }
        return !places.isEmpty
    }
}
