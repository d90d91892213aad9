import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import FederationAPI
import FederationCommands
import Foundation
import MatrixIdentifiers
import ProjectionEngine
import Projections
import ReadModel
import RoomVersions
import Synchronization

@testable import HTTPFront

/// A server that checks signatures with the keys of servers in memory: a real log, real views, no sockets.
final class SigningHouse: Sendable {
    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
    }

    /// Other servers, each with one key.
    final class Peers: RemoteServers {
        private let documents = Mutex<[String: PublishedKeys]>([:])
        private let count = Mutex(0)
        private let nowMs: @Sendable () -> Int64

        init(nowMs: @escaping @Sendable () -> Int64) { self.nowMs = nowMs }

        var requests: Int { count.withLock { $0 } }
        func set(_ keys: PublishedKeys) { documents.withLock { $0[keys.serverName.rawValue] = keys } }

        func send(_ request: RemoteRequest) async throws -> RemoteAnswer {
            count.withLock { $0 += 1 }
            guard let keys = documents.withLock({ $0[request.destination.rawValue] }) else {
                throw RemoteFault.unreachable("nobody listens")
            }
            return RemoteAnswer(status: 200, body: try keys.document(nowMs: nowMs()).canonicalBytes())
        }
    }

    let peers: Peers
    let authentication: XMatrixAuthentication
    let keys: ServerKeys
    let serverName: ServerName
    private let router: Router
    private let log: LMDBEventLog
    private let views: Views
    private let directory: String

    init(allowed: Set<ServerName>? = nil, servesWellKnown: Bool = false) throws {
        directory = NSTemporaryDirectory() + "engram-signing-\(UUID().uuidString)"
        for name in ["log", "views"] {
            try FileManager.default.createDirectory(atPath: directory + "/" + name, withIntermediateDirectories: true)
        }
        let late = Late()
        let clock = Clock()
        self.clock = clock
        let random: @Sendable (Int) -> [UInt8] = { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: { clock.nowMs }, randomBytes: random, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        late.engine.withLock { $0 = engine }
        serverName = try ServerName(parsing: "here.test")
        let signingKey = try SigningKey(seed: [UInt8](repeating: 1, count: 32), keyID: "ed25519:h")
        let environment = CommandEnvironment(
            log: log, views: views, serverName: serverName, signingKey: signingKey, nowMs: { clock.nowMs },
            randomBytes: random, defaultRoomVersion: .v12)
        peers = Peers(nowMs: { clock.nowMs })
        let federating = FederationPeers(own: serverName, allowed: allowed)
        keys = ServerKeys(
            environment: environment, remotes: peers,
            published: PublishedKeys(serverName: serverName, signingKey: signingKey), peers: federating)
        let toldOf = Heard()
        told = toldOf
        authentication = XMatrixAuthentication(
            serverName: serverName, keys: keys, peers: federating, nowMs: { clock.nowMs },
            heard: { toldOf.add($0) })
        router = Router(KeyAPI(keys: keys, servesWellKnown: servesWellKnown, nowMs: { clock.nowMs }).routes)
    }

    let clock: Clock
    let told: Heard

    final class Clock: Sendable {
        private let now = Mutex<Int64>(1_700_000_000_000)
        var nowMs: Int64 { now.withLock { $0 } }
        func advance(_ ms: Int64) { now.withLock { $0 += ms } }
    }

    final class Heard: Sendable {
        private let names = Mutex<[ServerName]>([])
        var all: [ServerName] { names.withLock { $0 } }
        func add(_ name: ServerName) { names.withLock { $0.append(name) } }
    }

    deinit {
        log.close()
        try? views.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Asks one of the endpoints for keys.
    func call(
        _ method: HTTPFront.HTTPMethod, _ target: String, body: String = ""
    ) async throws -> (status: Int, json: JSONValue) {
        guard let parsed = RequestTarget(target), case .found(let index) = router.match(method, parsed.segments) else {
            return (404, .null)
        }
        let route = router.routes[index]
        let request = HTTPRequest(
            method: method, rawPath: parsed.rawPath, pathSegments: parsed.segments, query: parsed.query,
            body: Array(body.utf8),
            parameters: PathParameters(of: route, segments: parsed.segments))
        let response: HTTPResponse
        do {
            switch route.handler {
            case .immediate(let handle), .pooled(let handle): response = try handle(request)
            case .async(let handle): response = try await handle(request)
            }
        } catch let error as MatrixError {
            response = error.response
        }
        return (response.status, try JSONValue.parse(response.body))
    }
}
