import CanonicalJSON
import EventLog
import FederationCommands
import Foundation
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import Synchronization

@testable import Reactors

/// A log with projections and a sender behind it; only the other servers and the clock are not real.
final class SenderHouse: Sendable {
    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
        let sender = Mutex<FederationSender?>(nil)
    }

    /// The log's cursors, until the crash: what is set afterwards never reaches the disk.
    private final class MortalCursors: DestinationCursors {
        let log: LMDBEventLog
        let isDead = Mutex(false)

        init(log: LMDBEventLog) { self.log = log }

        func cursor(_ name: String) throws(LogFault) -> LogPosition { try log.cursor(name) }
        func cursors(named prefix: String) throws(LogFault) -> [String: LogPosition] {
            try log.cursors(named: prefix)
        }
        func setCursor(_ name: String, to position: LogPosition) {
            if !isDead.withLock({ $0 }) { log.setCursor(name, to: position) }
        }
    }

    let servers = FakeServers()
    let views: Views
    let log: LMDBEventLog
    let engine: ProjectionEngine
    let ephemeral: EphemeralState
    private let directory: String
    private let late = Late()
    private let depth = Mutex<Int64>(0)
    private let runs = Mutex(0)
    private let clock = Mutex<Int64>(1_700_000_000_000)
    private let running = Mutex<(task: Task<Void, Never>, cursors: MortalCursors)?>(nil)

    static let room = "!room:example.org"
    static let alice = "@alice:example.org"

    init() throws {
        directory = NSTemporaryDirectory() + "engram-sender-\(UUID().uuidString)"
        for name in ["log", "views"] {
            try FileManager.default.createDirectory(
                atPath: directory + "/" + name, withIntermediateDirectories: true)
        }
        let late = late
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: { 1_700_000_000_000 },
            randomBytes: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        engine = ProjectionEngine(
            views: views, projections: builtInProjections, source: RecordSource(log),
            onApplied: { batch in late.sender.withLock { $0 }?.applied(batch) })
        let engine = engine
        late.engine.withLock { $0 = engine }
        ephemeral = EphemeralState(
            startingAt: 1, nowMs: { 1_700_000_000_000 },
            onNews: { news in late.sender.withLock { $0 }?.note(news) })
    }

    func close() async throws {
        await stop()
        log.close()
        try views.close()
        try FileManager.default.removeItem(atPath: directory)
    }

    // MARK: The sender

    func start(_ change: (inout FederationSender.Settings) -> Void = { _ in }) throws {
        var settings = FederationSender.Settings()
        settings.tickMs = 5
        settings.storeEveryMs = 0
        change(&settings)
        let cursors = MortalCursors(log: log)
        let number = runs.withLock { runs in
            runs += 1
            return runs
        }
        let sender = FederationSender(
            log: log,
            destinations: DestinationQueries(views: views, ownServer: try ServerName(parsing: "example.org")),
            cursors: cursors, servers: servers, ephemeral: ephemeral, settings: settings, run: "run\(number)",
            nowMs: { [self] in clock.withLock { $0 } })
        late.sender.withLock { $0 = sender }
        let task = Task { await sender.run() }
        running.withLock { $0 = (task, cursors) }
    }

    func stop() async {
        guard let running = running.withLock({ $0 }) else { return }
        running.task.cancel()
        await running.task.value
    }

    /// Ends the sender without letting it note how far it has come.
    func crash() async {
        running.withLock { $0?.cursors.isDead.withLock { $0 = true } }
        await stop()
    }

    func advance(ms: Int64) { clock.withLock { $0 += ms } }
    func heard(from server: String) throws {
        late.sender.withLock { $0 }?.heard(from: try ServerName(parsing: server))
    }

    var load: (waiting: Int, failing: Int, inFlight: Int) { late.sender.withLock { $0?.load } ?? (0, 0, 0) }

    /// Waits until something holds, looking again and again.
    func until(_ isSo: () throws -> Bool) async throws {
        while try !isSo() { try await Task.sleep(for: .milliseconds(2)) }
    }

    /// Waits until everybody has been told everything that can be told.
    func untilQuiet() async throws {
        try await until {
            guard try log.cursor("federation") == views.head else { return false }
            let load = self.load
            return load.waiting == 0 && load.inFlight == 0
        }
    }

    // MARK: Facts

    func record(_ fact: some LogEvent, stream: StreamID = .none) async throws {
        _ = try await log.append(LogBatch(records: [fact.record(stream: stream, actor: "", cause: "")], expected: []))
    }

    @discardableResult
    func send(
        _ type: String, by sender: String, stateKey: String? = nil, in room: String = room,
        verdict: PDURecorded.Verdict = .accepted, isBackfilled: Bool = false, _ content: JSONObject
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
            verdict: verdict, roomVersion: "10", roomID: room, eventID: eventID,
            setsOwnEntry: stateKey != nil && verdict == .accepted, isBackfilled: isBackfilled, pdu: pdu.canonicalBytes()
        )
        try await record(fact, stream: StreamID(kind: .room, name: room))
        return eventID
    }

    @discardableResult
    func message(_ number: Int, by sender: String = alice, in room: String = room) async throws -> String {
        try await send("m.room.message", by: sender, in: room, ["n": .integer(Int64(number))])
    }

    func member(
        _ user: String, _ membership: String, by sender: String? = nil, in room: String = room
    ) async throws {
        try await send(
            "m.room.member", by: sender ?? user, stateKey: user, in: room, ["membership": .string(membership)])
    }

    /// A room of Alice's with these members.
    func createRoom(_ room: String = room, with members: [String]) async throws {
        try await send("m.room.create", by: Self.alice, stateKey: "", in: room, ["room_version": "10"])
        try await member(Self.alice, "join", in: room)
        for user in members { try await member(user, "join", in: room) }
    }
}
