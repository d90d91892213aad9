import CanonicalJSON
import ClientAPI
import CommandHandling
import EventLog
import EventSigning
import Foundation
import KeyValueStore
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import RoomVersions
import SearchIndex
import Synchronization
import Testing

@testable import HTTPFront

/// A homeserver without sockets: a real log and real views in a temporary directory, and the routes of the API.
final class InProcessServer: Sendable {
    struct Answer {
        let status: Int
        let json: JSONValue

        subscript(_ name: String) -> JSONValue? { json[name] }
        var errcode: String? { json["errcode"]?.stringValue }
    }

    /// The connection between log and engine, which are made one after the other.
    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
        let api = Mutex<ClientAPI?>(nil)
    }

    let api: ClientAPI
    let accounts: AccountCommands
    let notifier: ChangeNotifier
    let search: SearchFollower?
    private let router: Router
    private let log: LMDBEventLog
    private let views: Views
    private let directory: String
    private let time = Mutex<Int64>(0)
    private let numbers = Mutex<UInt64>(0)

    static func nowMs() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    init(
        _ change: (inout ClientAPISettings) -> Void = { _ in }, accountSettings: AccountSettings = AccountSettings(),
        media: (CommandEnvironment, String) throws -> MediaParts? = { _, _ in nil }, searches: Bool = false
    ) throws {
        directory = NSTemporaryDirectory() + "engram-client-\(UUID().uuidString)"
        for name in ["log", "views", "search"] {
            try FileManager.default.createDirectory(
                atPath: directory + "/" + name, withIntermediateDirectories: true)
        }
        let late = Late()
        let random: @Sendable (Int) -> [UInt8] = { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
        log = try LMDBEventLog(
            directory: directory + "/log",
            wallClock: Self.nowMs,
            randomBytes: random,
            signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) }
        )
        views = try Views(directory: directory + "/views")
        let notifier = ChangeNotifier(nowMs: Self.nowMs)
        self.notifier = notifier
        let index = searches ? try SearchIndex(directory: directory + "/search") : nil
        let source = RecordSource(log)
        let follower = index.map { SearchFollower(index: $0, source: source) }
        search = follower
        let engine = ProjectionEngine(
            views: views, projections: builtInProjections, source: RecordSource(log),
            onApplied: { batch in
                late.api.withLock { $0 }?.authenticator.forget(batch.tokensRevoked.union(batch.users))
                notifier.applied(batch)
                follower?.applied()
            })
        late.engine.withLock { $0 = engine }
        let environment = CommandEnvironment(
            log: log,
            views: views,
            serverName: try ServerName(parsing: "example.org"),
            signingKey: SigningKey.generate(version: "1"),
            nowMs: Self.nowMs,
            randomBytes: random,
            defaultRoomVersion: .v12
        )
        accounts = AccountCommands(
            environment: environment, settings: accountSettings,
            hashing: PasswordHashing(cost: .init(passes: 1, memoryBytes: 1 << 20)))
        var settings = ClientAPISettings()
        settings.registrationEnabled = true
        settings.registrationSharedSecret = "secret"
        settings.guestAccessAllowed = true
        settings.limits = .none
        change(&settings)
        api = ClientAPI(
            environment: environment,
            rooms: RoomCommands(environment: environment, noticesUser: settings.serverNotices?.userID),
            accounts: accounts,
            ephemeral: EphemeralState(
                startingAt: 1, nowMs: Self.nowMs, notifier: notifier,
                joinedRooms: { [queries = RoomQueries(views: views)] user in (try? queries.joinedRooms(user)) ?? [] }),
            notifier: notifier,
            epoch: 1,
            settings: settings,
            media: try media(environment, directory + "/media"),
            search: follower
        )
        let api = api
        late.api.withLock { $0 = api }
        router = Router(api.routes)
        follower?.start()
    }

    deinit {
        search?.stop()
        log.close()
        do {
            try views.close()
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            Issue.record(error)
        }
    }

    /// One request, through the router as the front does it.
    func call(
        _ method: HTTPMethod, _ target: String, _ body: JSONValue? = nil, token: String? = nil, raw: String? = nil
    ) async throws -> Answer {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path =
            parts[0].hasPrefix("/_") || parts[0].hasPrefix("/.") ? String(parts[0]) : "/_matrix/client/v3" + parts[0]
        let response = try await respond(
            method, path, query: parts.count > 1 ? String(parts[1]) : "",
            headers: token.map { [("Authorization", "Bearer \($0)")] } ?? [],
            body: raw.map { Array($0.utf8) } ?? body?.canonicalBytes() ?? [])
        return Answer(
            status: response.status, json: try JSONValue.parse(response.body + response.moreChunks.joined()))
    }

    /// The response as the front would render it.
    func respond(
        _ method: HTTPMethod, _ path: String, query: String = "", headers: [(String, String)], body: [UInt8] = []
    ) async throws -> HTTPResponse {
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            String($0).removingPercentEncoding ?? ""
        }
        guard case .found(let index) = router.match(method, segments) else {
            return MatrixError.unrecognizedPath.response
        }
        let route = router.routes[index]
        let request = HTTPRequest(
            method: method,
            rawPath: path,
            pathSegments: segments,
            query: HTTPQuery(query) ?? HTTPQuery(),
            headers: HTTPRequestHeaders(headers),
            body: body,
            remoteAddress: "192.0.2.1",
            number: numbers.withLock { number in
                number += 1
                return number
            },
            parameters: PathParameters(of: route, segments: segments)
        )
        do {
            switch route.handler {
            case .immediate(let handle), .pooled(let handle): return try handle(request)
            case .async(let handle): return try await handle(request)
            }
        } catch let error as MatrixError {
            return error.response
        }
    }

    /// A user with a password, logged in.
    func register(_ name: String) async throws -> String {
        let answer = try await call(
            .post, "/register",
            [
                "username": .string(name), "password": .string("password of \(name)"),
                "auth": ["type": "m.login.dummy"],
            ])
        try #require(answer.status == 200, "\(answer.json)")
        return try #require(answer["access_token"]?.stringValue)
    }

    func makeAdmin(_ name: String) async throws {
        try await accounts.setFlags(
            of: try UserID(parsing: "@\(name):example.org"), isAdmin: true, by: "test", cause: "test")
    }

    func createRoom(_ token: String, _ body: JSONValue = ["preset": "public_chat"]) async throws -> String {
        let answer = try await call(.post, "/createRoom", body, token: token)
        try #require(answer.status == 200, "\(answer.json)")
        return try #require(answer["room_id"]?.stringValue)
    }
}

extension ClientRateLimits {
    static var none: ClientRateLimits {
        let unlimited = RateLimiter.Limit(perSecond: 0, burst: 0)
        var limits = ClientRateLimits()
        limits.message = unlimited
        limits.registration = unlimited
        limits.registrationTokenValidity = unlimited
        limits.loginAddress = unlimited
        limits.loginAccount = unlimited
        limits.loginFailedAttempts = unlimited
        limits.joinsLocal = unlimited
        limits.joinsPerRoom = unlimited
        limits.invitesPerRoom = unlimited
        limits.invitesPerUser = unlimited
        limits.invitesPerIssuer = unlimited
        limits.roomCreation = unlimited
        limits.delayedEventManagement = unlimited
        return limits
    }
}
