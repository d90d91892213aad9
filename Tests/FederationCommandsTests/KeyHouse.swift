import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import FederationCommands
import Foundation
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import ReadModel
import RoomVersions
import Synchronization
import TestSupport

/// A real log with real projections, a clock that is moved by hand, and other servers that exist only in memory.
final class KeyHouse: Sendable {
    /// What another server answers to one path.
    typealias Answering = @Sendable (RemoteRequest) async throws -> RemoteAnswer

    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
    }

    let directory: String
    let log: LMDBEventLog
    let views: Views
    let engine: ProjectionEngine
    let environment: CommandEnvironment
    let network = Network()
    let signingKey: SigningKey
    let serverName: ServerName

    /// Other servers, by name.
    final class Network: RemoteServers {
        private let servers = Mutex<[String: Answering]>([:])
        private let asked = Mutex<[String]>([])

        func set(_ name: String, _ answering: @escaping Answering) { servers.withLock { $0[name] = answering } }
        func remove(_ name: String) { servers.withLock { $0[name] = nil } }
        /// Who was asked for what, in order.
        var requests: [String] { asked.withLock { $0 } }

        func send(_ request: RemoteRequest) async throws -> RemoteAnswer {
            asked.withLock { $0.append("\(request.destination) \(request.target)") }
            guard let server = servers.withLock({ $0[request.destination.rawValue] }) else {
                throw RemoteFault.unreachable("nobody listens")
            }
            return try await server(request)
        }
    }

    init(name: String = "here.example") throws {
        directory = NSTemporaryDirectory() + "engram-keys-\(UUID().uuidString)"
        for part in ["log", "views"] {
            try FileManager.default.createDirectory(atPath: directory + "/" + part, withIntermediateDirectories: true)
        }
        let late = Late()
        let random = Mutex(SeededRandom(seed: 3))
        let bytes: @Sendable (Int) -> [UInt8] = { count in
            random.withLock { random in (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        }
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: { 1_700_000_000_000 }, randomBytes: bytes, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        late.engine.withLock { [engine] in $0 = engine }
        try engine.catchUp()
        signingKey = try SigningKey(seed: [UInt8](repeating: 9, count: 32), keyID: "ed25519:own")
        serverName = try ServerName(parsing: name)
        let clock = Clock()
        self.clock = clock
        environment = CommandEnvironment(
            log: log, views: views, serverName: serverName, signingKey: signingKey, nowMs: { clock.nowMs },
            randomBytes: bytes, defaultRoomVersion: .v12)
    }

    let clock: Clock

    final class Clock: Sendable {
        private let now = Mutex<Int64>(1_700_000_000_000)
        var nowMs: Int64 { now.withLock { $0 } }
        func advance(_ ms: Int64) { now.withLock { $0 += ms } }
    }

    func keys(
        notaries: [KeyNotary] = [], old: [PublishedKeys.OldKey] = [], allowed: Set<ServerName>? = nil
    ) -> ServerKeys {
        ServerKeys(
            environment: environment, remotes: network,
            published: PublishedKeys(serverName: serverName, signingKey: signingKey, oldKeys: old),
            peers: FederationPeers(own: serverName, allowed: allowed), notaries: notaries)
    }

    /// How many records of learned keys the log has.
    func learned() throws -> [ServerKeysLearned] {
        try log.read(from: .first, limit: 10_000).filter { $0.kind == .serverKeysLearned }
            .map { try ServerKeysLearned(payload: $0.payload) }
    }

    func close() throws {
        log.close()
        try views.close()
        try FileManager.default.removeItem(atPath: directory)
    }
}

/// Another server with keys.
struct KeyOwner: Sendable {
    let name: ServerName
    let key: SigningKey
    var old: [PublishedKeys.OldKey] = []
    var lifetimeMs: Int64 = 86_400_000

    init(_ name: String, version: String = "a", seed: UInt8 = 1) throws {
        self.name = try ServerName(parsing: name)
        key = try SigningKey(seed: [UInt8](repeating: seed, count: 32), keyID: "ed25519:" + version)
    }

    var published: PublishedKeys {
        PublishedKeys(serverName: name, signingKey: key, oldKeys: old, lifetimeMs: lifetimeMs)
    }

    /// Answers `/_matrix/key/v2/server` as of a time.
    func answering(_ nowMs: @escaping @Sendable () -> Int64) -> KeyHouse.Answering {
        let published = published
        return { request in
            guard request.target == "/_matrix/key/v2/server", !request.isSigned else {
                return RemoteAnswer(status: 404, body: Array("{}".utf8))
            }
            return RemoteAnswer(status: 200, body: try published.document(nowMs: nowMs()).canonicalBytes())
        }
    }
}
