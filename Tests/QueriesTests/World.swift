import CanonicalJSON
import EventLog
import Glibc
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import Synchronization

/// A server's memory without a server: records go through the real projections into real tables.
final class World: Sendable {
    let views: Views
    let engine: ProjectionEngine
    let notifier: ChangeNotifier
    /// Hears of everything too, but remembers the order of only one batch.
    let forgetful: ChangeNotifier
    let typing: EphemeralState
    let sync: SyncQueries
    let clock: Clock
    private let directory: String
    private let log = Mutex(LogState())

    final class Clock: Sendable {
        private let time = Mutex<Int64>(1_000_000)
        var now: Int64 { time.withLock { $0 } }
        func advance(_ ms: Int64) { time.withLock { $0 += ms } }
    }

    private struct LogState {
        var position: UInt64 = 0
        var versions: [StreamID: UInt64] = [:]
        var depths: [String: Int64] = [:]
        var lastEvents: [String: String] = [:]
    }

    init() throws {
        var template = Array("/tmp/engram-queries-XXXXXX\0".utf8CString)
        _ = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.flatMap { mkdtemp($0) } }
        directory = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        views = try Views(directory: directory + "/views")
        let clock = Clock()
        self.clock = clock
        let notifier = ChangeNotifier(nowMs: { clock.now })
        notifier.start(at: 0)
        self.notifier = notifier
        let forgetful = ChangeNotifier(nowMs: { clock.now }, recent: RecentChanges(capacity: 1))
        forgetful.start(at: 0)
        self.forgetful = forgetful
        typing = EphemeralState(startingAt: 1, nowMs: { clock.now }, notifier: notifier)
        engine = ProjectionEngine(views: views, projections: builtInProjections) { batch in
            notifier.applied(batch)
            forgetful.applied(batch)
        }
        sync = SyncQueries(views: views, ephemeral: typing, notifier: notifier)
    }

    deinit {
        do { try views.close() } catch { return }
        for name in ["data.mdb", "lock.mdb", "session"] { unlink(directory + "/views/" + name) }
        rmdir(directory + "/views")
        rmdir(directory)
    }

    // MARK: Facts

    /// Appends one record, as a commit of its own.
    @discardableResult
    func record(_ fact: some LogEvent, stream: StreamID = .none) throws -> LogPosition {
        let record = log.withLock { log in
            log.position += 1
            if stream.kind != .none { log.versions[stream, default: 0] += 1 }
            return EventRecord(
                position: LogPosition(rawValue: log.position), wallTimeMs: 1, streamVersion: log.versions[stream] ?? 0,
                record: fact.record(stream: stream, actor: "", cause: ""))
        }
        try engine.apply([record])
        return record.position
    }

    /// Appends an accepted event and answers its ID.
    @discardableResult
    func send(
        _ type: String, in room: String, by sender: String, stateKey: String? = nil, _ content: JSONObject = [:],
        transaction: (device: String, id: String)? = nil, redacts: String? = nil, setsOwn: Bool = true,
        delta: [PDURecorded.StateChange] = [], before: PDURecorded.StateBefore? = nil
    ) throws -> String {
        let (depth, previous, number) = log.withLock { log in
            log.depths[room, default: 0] += 1
            return (log.depths[room, default: 0], log.lastEvents[room], log.position + 1)
        }
        let eventID =
            "$" + String(number) + "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop".dropFirst(String(number).utf8.count)
        var pdu: JSONObject = [
            "type": .string(type), "sender": .string(sender), "room_id": .string(room),
            "content": .object(content), "depth": .integer(depth), "origin_server_ts": .integer(1000 + depth),
            "prev_events": .array(previous.map { [.string($0)] } ?? []), "auth_events": [],
        ]
        if let stateKey { pdu["state_key"] = .string(stateKey) }
        let fact = PDURecorded(
            verdict: .accepted, roomVersion: "10", roomID: room, eventID: eventID,
            setsOwnEntry: stateKey != nil && setsOwn,
            sentBy: transaction.map { .init(deviceID: $0.device, transactionID: $0.id) }, redacts: redacts,
            stateDelta: delta, stateBefore: before, pdu: pdu.canonicalBytes())
        log.withLock { $0.lastEvents[room] = eventID }
        try record(fact, stream: StreamID(kind: .room, name: room))
        return eventID
    }

    @discardableResult
    func message(_ text: String, in room: String, by sender: String, mentions: JSONValue? = nil) throws -> String {
        var content: JSONObject = ["msgtype": "m.text", "body": .string(text)]
        if let mentions { content["m.mentions"] = mentions }
        return try send("m.room.message", in: room, by: sender, content)
    }

    @discardableResult
    func member(_ user: String, _ membership: String, in room: String, by sender: String? = nil) throws -> String {
        try send(
            "m.room.member", in: room, by: sender ?? user, stateKey: user, ["membership": .string(membership)])
    }

    func createRoom(_ room: String, by creator: String, visibility: String? = nil) throws {
        try send("m.room.create", in: room, by: creator, stateKey: "", ["room_version": "10"])
        try member(creator, "join", in: room)
        try send(
            "m.room.power_levels", in: room, by: creator, stateKey: "", ["users": .object([creator: 100])])
        try send("m.room.join_rules", in: room, by: creator, stateKey: "", ["join_rule": "public"])
        if let visibility {
            try send(
                "m.room.history_visibility", in: room, by: creator, stateKey: "",
                ["history_visibility": .string(visibility)])
        }
    }

    @discardableResult
    func receipt(
        _ user: String, _ event: String, in room: String, type: String = "m.read", thread: String? = nil
    ) throws -> LogPosition {
        try record(
            ReceiptRecorded(
                userID: user, roomID: room, receiptType: type, eventID: event, threadID: thread, timestampMs: 77),
            stream: StreamID(kind: .user, name: user))
    }

    // MARK: Questions

    func asker(_ user: String, device: String = "DEV") throws -> Asker {
        let userID = try UserID(parsing: user)
        let number = try AccountQueries(views: views).number(of: userID) ?? .none
        return Asker(Identity(userID: userID, userNum: number, deviceID: device), nowMs: 5000, epoch: 1)
    }

    func sync(
        _ user: String, since: String? = nil, filter: JSONValue = [:], fullState: Bool = false,
        stateAfter: Bool = false,
        device: String = "DEV"
    ) throws -> Synced {
        let answer = try sync.sync(
            SyncRequest(
                asker: try asker(user, device: device), since: try since.map { try SyncToken(parsing: $0) },
                filter: try SyncFilter(json: filter), fullState: fullState, useStateAfter: stateAfter))
        return Synced(json: try JSONValue.parse(answer.body), hasNews: answer.hasNews, answer: answer)
    }
}

/// A parsed answer of `/sync` with short ways into it.
struct Synced {
    let json: JSONValue
    let hasNews: Bool
    let answer: SyncAnswer

    var next: String { json["next_batch"]?.stringValue ?? "" }
    func room(_ kind: String, _ room: String) -> JSONValue? { json["rooms"]?[kind]?[room] }
    func joined(_ room: String) -> JSONValue? { self.room("join", room) }
    func timeline(_ room: String, _ kind: String = "join") -> [JSONValue] {
        self.room(kind, room)?["timeline"]?["events"]?.arrayValue ?? []
    }
    func state(_ room: String, _ kind: String = "join", _ name: String = "state") -> [JSONValue] {
        self.room(kind, room)?[name]?["events"]?.arrayValue ?? []
    }
    func isLimited(_ room: String) -> Bool? { joined(room)?["timeline"]?["limited"]?.boolValue }
    func prevBatch(_ room: String) -> String { joined(room)?["timeline"]?["prev_batch"]?.stringValue ?? "" }
    func ephemeral(_ room: String, _ type: String) -> [JSONValue] {
        (joined(room)?["ephemeral"]?["events"]?.arrayValue ?? []).filter { $0["type"]?.stringValue == type }
    }
    func unread(_ room: String) -> Int64 {
        joined(room)?["unread_notifications"]?["notification_count"]?.integerValue ?? -1
    }
    func highlights(_ room: String) -> Int64 {
        joined(room)?["unread_notifications"]?["highlight_count"]?.integerValue ?? -1
    }
}

extension [JSONValue] {
    var ids: [String] { compactMap { $0["event_id"]?.stringValue } }
    var types: [String] { compactMap { $0["type"]?.stringValue } }
    var bodies: [String] { compactMap { $0["content"]?["body"]?.stringValue } }
    var stateKeys: [String] { compactMap { $0["state_key"]?.stringValue } }
}

let alice = "@alice:example.org"
let bob = "@bob:example.org"
let carol = "@carol:example.org"
let room = "!room:example.org"
