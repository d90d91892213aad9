import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import Foundation
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import RoomVersions
import Synchronization

@testable import Reactors

let alice = "@alice:example.org"
let bob = "@bob:example.org"
let room = "!room:example.org"

/// A log with projections and a reactor behind it; only the gateways and the clock are not real.
final class PushHouse: Sendable {
    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
        let reactor = Mutex<PushReactor?>(nil)
    }

    /// The log's cursors, until the crash: what is set afterwards never reaches the disk.
    private final class MortalCursors: ReactorCursors {
        let log: LMDBEventLog
        let isDead = Mutex(false)

        init(log: LMDBEventLog) { self.log = log }

        func cursor(_ name: String) throws(LogFault) -> LogPosition { try log.cursor(name) }

        func setCursor(_ name: String, to position: LogPosition) {
            if !isDead.withLock({ $0 }) { log.setCursor(name, to: position) }
        }
    }

    let gateway = FakeGateway()
    let views: Views
    private let directory: String
    private let log: LMDBEventLog
    private let engine: ProjectionEngine
    private let late = Late()
    private let environment: CommandEnvironment
    private let depth = Mutex<Int64>(0)
    private let clock = Mutex<Int64>(1_700_000_000_000)
    private let running = Mutex<(task: Task<Void, Never>, cursors: MortalCursors)?>(nil)

    init() throws {
        directory = NSTemporaryDirectory() + "engram-push-\(UUID().uuidString)"
        for name in ["log", "views"] {
            try FileManager.default.createDirectory(
                atPath: directory + "/" + name, withIntermediateDirectories: true)
        }
        let late = late
        let random: @Sendable (Int) -> [UInt8] = { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: { 1_700_000_000_000 }, randomBytes: random, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        engine = ProjectionEngine(
            views: views, projections: builtInProjections, source: RecordSource(log),
            onApplied: { batch in late.reactor.withLock { $0 }?.applied(batch) })
        let engine = engine
        late.engine.withLock { $0 = engine }
        environment = CommandEnvironment(
            log: log, views: views, serverName: try ServerName(parsing: "example.org"),
            signingKey: SigningKey.generate(version: "1"), nowMs: { 1_700_000_000_000 }, randomBytes: random,
            defaultRoomVersion: .v10)
    }

    func close() async throws {
        await stop()
        log.close()
        try views.close()
        try FileManager.default.removeItem(atPath: directory)
    }

    // MARK: The reactor

    func start(_ change: (inout PushReactor.Settings) -> Void = { _ in }) {
        var settings = PushReactor.Settings()
        settings.tickMs = 5
        change(&settings)
        let cursors = MortalCursors(log: log)
        let clock = { @Sendable [self] in self.clock.withLock { $0 } }
        let reactor = PushReactor(
            queries: PushQueries(views: views), commands: PushCommands(environment: environment), cursors: cursors,
            client: gateway, settings: settings, nowMs: clock)
        late.reactor.withLock { $0 = reactor }
        let task = Task { await reactor.run() }
        running.withLock { $0 = (task, cursors) }
    }

    func stop() async {
        guard let running = running.withLock({ $0 }) else { return }
        running.task.cancel()
        await running.task.value
    }

    /// Ends the reactor without letting it note how far it has come.
    func crash() async {
        running.withLock { $0?.cursors.isDead.withLock { $0 = true } }
        await stop()
    }

    /// The clock of the reactor goes on; nothing else does.
    func advance(ms: Int64) { clock.withLock { $0 += ms } }

    var load: (pushers: Int, behind: Int, inFlight: Int) { late.reactor.withLock { $0?.load } ?? (0, 0, 0) }

    /// Waits until something holds, looking again and again.
    func until(_ isSo: () throws -> Bool) async throws {
        while try !isSo() { try await Task.sleep(for: .milliseconds(2)) }
    }

    // MARK: Facts

    func record(_ fact: some LogEvent, stream: StreamID = .none) async throws {
        _ = try await log.append(LogBatch(records: [fact.record(stream: stream, actor: "", cause: "")], expected: []))
    }

    @discardableResult
    func send(
        _ type: String, by sender: String, stateKey: String? = nil, in room: String = room, _ content: JSONObject
    ) async throws -> String {
        let depth = depth.withLock { depth in
            depth += 1
            return depth
        }
        let eventID = "$" + String(depth) + String(repeating: "e", count: 43 - String(depth).utf8.count)
        var pdu: JSONObject = [
            "type": .string(type), "sender": .string(sender), "room_id": .string(room), "content": .object(content),
            "depth": .integer(depth), "origin_server_ts": .integer(1_700_000_000_000), "prev_events": [],
            "auth_events": [],
        ]
        if let stateKey { pdu["state_key"] = .string(stateKey) }
        let fact = PDURecorded(
            verdict: .accepted, roomVersion: "10", roomID: room, eventID: eventID, setsOwnEntry: stateKey != nil,
            pdu: pdu.canonicalBytes())
        try await record(fact, stream: StreamID(kind: .room, name: room))
        return eventID
    }

    @discardableResult
    func message(_ text: String, by sender: String = bob, _ more: JSONObject = [:]) async throws -> String {
        let content: JSONObject = ["msgtype": "m.text", "body": .string(text)]
        return try await send("m.room.message", by: sender, content.merging(more))
    }

    /// A room with Alice and Bob in it.
    func createRoom() async throws {
        try await send("m.room.create", by: bob, stateKey: "", ["room_version": "10", "creator": .string(bob)])
        for (user, name) in [(bob, "Bob"), (alice, "Alice")] {
            try await send(
                "m.room.member", by: user, stateKey: user, ["membership": "join", "displayname": .string(name)])
        }
    }

    func setPusher(
        _ key: String = "key", of user: String = alice, host: String = "push.example.org", format: String? = nil
    ) async throws {
        var data: JSONObject = ["url": .string("https://\(host)/_matrix/push/v1/notify"), "custom": "x"]
        if let format { data["format"] = .string(format) }
        let fact = PusherSet(
            userID: user, deviceID: "DEV", appID: "app", pushKey: key, isAppended: true,
            pusher: ["app_id": "app", "pushkey": .string(key), "data": .object(data)])
        try await record(fact, stream: StreamID(kind: .user, name: user))
    }

    func read(_ eventID: String, by user: String = alice) async throws {
        let fact = ReceiptRecorded(
            userID: user, roomID: room, receiptType: "m.read", eventID: eventID, timestampMs: 1)
        try await record(fact, stream: StreamID(kind: .user, name: user))
    }
}
