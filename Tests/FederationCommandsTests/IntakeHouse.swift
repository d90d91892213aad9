import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import FederationCommands
import Foundation
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import RoomVersions
import Synchronization

/// A log with its projections and what takes the EDUs of other servers.
final class IntakeHouse: Sendable {
    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
    }

    /// Another server that answers what it is told to, and writes down what it is asked.
    final class Others: RemoteServers {
        private let state = Mutex<(answers: [String: JSONObject], asked: [RemoteRequest])>(([:], []))
        /// Runs before an answer is given.
        let meanwhile = Mutex<(@Sendable () async throws -> Void)?>(nil)

        var asked: [RemoteRequest] { state.withLock { $0.asked } }

        func answer(_ target: String, _ body: JSONObject?) { state.withLock { $0.answers[target] = body } }

        func send(_ request: RemoteRequest) async throws -> RemoteAnswer {
            let answer = state.withLock { state in
                state.asked.append(request)
                return state.answers[request.target]
            }
            let meanwhile = meanwhile.withLock { held in
                defer { held = nil }
                return held
            }
            try await meanwhile?()
            guard let answer else { throw RemoteFault.timedOut }
            return RemoteAnswer(status: 200, body: answer.canonicalBytes())
        }
    }

    let log: LMDBEventLog
    let views: Views
    let engine: ProjectionEngine
    let environment: CommandEnvironment
    let keys: KeyCommands
    let ephemeral: EphemeralState
    let facts: RemoteDeviceFacts
    let intake: EDUIntake
    let others = Others()
    let remoteKeys: RemoteKeys
    private let directory: String
    private let depth = Mutex<Int64>(0)

    static let alice = "@alice:test"
    static let bob = "@bob:b.org"
    static let room = "!room:test"

    init() throws {
        directory = NSTemporaryDirectory() + "engram-intake-\(UUID().uuidString)"
        for name in ["/log", "/views"] {
            try FileManager.default.createDirectory(
                atPath: directory + name, withIntermediateDirectories: true)
        }
        let late = Late()
        let bytes: @Sendable (Int) -> [UInt8] = { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: { 1_700_000_000_000 }, randomBytes: bytes, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        late.engine.withLock { $0 = engine }
        self.engine = engine
        environment = CommandEnvironment(
            log: log, views: views, serverName: try ServerName(parsing: "test"),
            signingKey: try SigningKey(seed: [UInt8](repeating: 7, count: 32), keyID: "ed25519:1"),
            nowMs: { 1_700_000_000_000 }, randomBytes: bytes, defaultRoomVersion: .v12)
        keys = KeyCommands(environment: environment)
        ephemeral = EphemeralState(startingAt: 1, nowMs: { 1_700_000_000_000 })
        facts = RemoteDeviceFacts(environment: environment)
        intake = EDUIntake(environment: environment, ephemeral: ephemeral, keys: keys, devices: facts)
        remoteKeys = RemoteKeys(servers: others, facts: facts)
    }

    func close() throws {
        log.close()
        try views.close()
        try FileManager.default.removeItem(atPath: directory)
    }

    func record(_ fact: some LogEvent, stream: StreamID = .none) async throws {
        _ = try await log.append(LogBatch(records: [fact.record(stream: stream, actor: "", cause: "")], expected: []))
    }

    func login(_ user: String, _ deviceID: String) async throws -> Caller {
        let stream = StreamID(kind: .user, name: user)
        if try log.streamVersion(of: stream) == 0 {
            try await record(AccountRegistered(userID: user, accountKind: "user"), stream: stream)
        }
        let hash = UnpaddedBase64.encode((0..<32).map { _ in UInt8.random(in: 0...255) })
        try await record(DeviceRegistered(userID: user, deviceID: deviceID, tokenHash: hash), stream: stream)
        return Caller(userID: try UserID(parsing: user), deviceID: deviceID, requestID: "test")
    }

    @discardableResult
    func send(
        _ type: String, by sender: String, stateKey: String?, in room: String, _ content: JSONObject
    )
        async throws -> String
    {
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

    func member(_ user: String, _ membership: String, in room: String = room) async throws {
        try await send("m.room.member", by: user, stateKey: user, in: room, ["membership": .string(membership)])
    }

    func createRoom(_ room: String = room, with members: [String] = [bob]) async throws {
        try await send("m.room.create", by: Self.alice, stateKey: "", in: room, ["room_version": "10"])
        for user in [Self.alice] + members { try await member(user, "join", in: room) }
    }

    /// Takes an EDU from a server.
    func take(_ type: String, _ content: JSONObject, from origin: String = "b.org") async throws {
        try await intake.take(EDU(type: type, content: content), from: ServerName(parsing: origin))
    }

    func asker(_ caller: Caller) throws -> Asker {
        let number = try AccountQueries(views: views).number(of: caller.userID) ?? UserNum.none
        return Asker(
            Identity(userID: caller.userID, userNum: number, deviceID: caller.deviceID), nowMs: 0, epoch: log.epoch)
    }

    /// Whose devices a client is told to look at again.
    func changed(since position: LogPosition, for caller: Caller) throws -> [String] {
        try DeviceListQueries(views: views).changes(
            since: SyncToken(epoch: log.epoch, position: position.rawValue), asker: asker(caller)
        ).changed
    }

    func messages(_ caller: Caller) throws -> [JSONObject] {
        let number = try AccountQueries(views: views).number(of: caller.userID) ?? UserNum.none
        return try keys.toDevice.page(number, caller.deviceID ?? "", after: .start).events.compactMap {
            try JSONObject.parse($0)
        }
    }
}
