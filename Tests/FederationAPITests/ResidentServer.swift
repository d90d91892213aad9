import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import EventSigning
import FederationAPI
import FederationCommands
import Foundation
import InboundPDU
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import RoomVersions
import Synchronization
import Testing

@testable import HTTPFront

/// A homeserver without sockets: a real log and real views in a temporary directory, and the routes that other servers ask.
final class ResidentServer: Sendable {
    struct Answer {
        let status: Int
        let json: JSONValue

        subscript(_ name: String) -> JSONValue? { json[name] }
        var errcode: String? { json["errcode"]?.stringValue }
    }

    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
    }

    let name: ServerName
    let log: LMDBEventLog
    let views: Views
    let environment: CommandEnvironment
    let rooms: RoomCommands
    let keys: KeyCommands
    let api: FederationAPI
    let remote: RemoteActions
    let intake = Intake()
    let wire = Wire()
    /// The EDUs of transactions, which others take.
    let edus = Edus()
    private let router: Router
    private let directory: String
    private let numbers = Mutex<UInt64>(0)

    /// - Parameter keepsInvitations: whether invitations to rooms elsewhere go to ``intake`` instead of the users.
    init(
        _ name: String = "here", keepsInvitations: Bool = true, change: (inout FederationAPISettings) -> Void = { _ in }
    ) throws {
        self.name = try ServerName(parsing: name)
        directory = NSTemporaryDirectory() + "engram-federation-\(UUID().uuidString)"
        for part in ["/log", "/views"] {
            try FileManager.default.createDirectory(atPath: directory + part, withIntermediateDirectories: true)
        }
        let late = Late()
        let bytes: @Sendable (Int) -> [UInt8] = { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
        let clock = Mutex<Int64>(1_700_000_000_000)
        let now: @Sendable () -> Int64 = {
            clock.withLock { time in
                time += 1000
                return time
            }
        }
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: now, randomBytes: bytes, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        late.engine.withLock { $0 = engine }
        try engine.catchUp()
        let environment = CommandEnvironment(
            log: log, views: views, serverName: self.name, signingKey: try OtherServer.key(of: name), nowMs: now,
            randomBytes: bytes, defaultRoomVersion: .v12)
        self.environment = environment
        rooms = RoomCommands(environment: environment)
        keys = KeyCommands(environment: environment)
        var settings = FederationAPISettings()
        change(&settings)
        let signatures = KeyedSignatures(
            keys: DerivedKeys(), server: self.name, signingKey: environment.signingKey)
        let admission = ServerAdmission(views: views, census: ServerCensus(views: views))
        api = FederationAPI(
            environment: environment, authentication: TakenAtItsWord(), softwareVersion: "test", rooms: rooms,
            signatures: signatures, remotes: wire, admission: admission,
            intake: keepsInvitations ? intake : nil,
            takeEDU: { [edus] edu, origin in edus.taken.withLock { $0.append((edu, origin)) } }, settings: settings)
        remote = RemoteActions(
            membership: RemoteMembership(
                environment: environment, rooms: rooms, remotes: wire, signatures: signatures,
                census: admission.census),
            invitations: SentInvitations(
                environment: environment, rooms: rooms, remotes: wire, admission: admission),
            history: RemoteHistory(
                environment: environment, rooms: rooms, remotes: wire, signatures: signatures,
                census: admission.census),
            lookups: RemoteLookups(remotes: wire))
        router = Router(api.routes)
    }

    deinit {
        log.close()
        do {
            try views.close()
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            Issue.record(error)
        }
    }

    // MARK: Users

    func userID(_ localpart: String) throws -> UserID { try UserID(parsing: "@\(localpart):\(name)") }

    /// A user with an account and a device.
    func user(_ localpart: String, device: String = "DEVICE") async throws -> Caller {
        let user = try userID(localpart)
        let stream = StreamID(kind: .user, name: user.rawValue)
        var records: [NewRecord] = []
        if try log.streamVersion(of: stream) == 0 {
            records.append(
                AccountRegistered(userID: user.rawValue, accountKind: "user")
                    .record(stream: stream, actor: "", cause: ""))
        }
        let hash = UnpaddedBase64.encode((0..<32).map { _ in UInt8.random(in: 0...255) })
        records.append(
            DeviceRegistered(userID: user.rawValue, deviceID: device, tokenHash: hash)
                .record(stream: stream, actor: "", cause: ""))
        _ = try await log.append(LogBatch(records: records))
        return Caller(userID: user, deviceID: device, requestID: "test")
    }

    /// A room of a user, open to all unless told otherwise.
    func room(
        of caller: Caller, version: String = "12", rule: String = "public", visibility: String = "shared",
        more: JSONObject = [:]
    ) async throws -> RoomID {
        var body: JSONObject = [
            "preset": "public_chat", "room_version": .string(version),
            "initial_state": [
                ["type": "m.room.join_rules", "state_key": "", "content": ["join_rule": .string(rule)]],
                [
                    "type": "m.room.history_visibility", "state_key": "",
                    "content": ["history_visibility": .string(visibility)],
                ],
            ],
        ]
        for (name, value) in more { body[name] = value }
        return try await rooms.createRoom(body, caller: caller)
    }

    func say(_ text: String, in room: RoomID, _ caller: Caller) async throws -> EventID {
        try await rooms.send(
            room: room, type: "m.room.message", content: ["body": .string(text), "msgtype": "m.text"],
            transactionID: nil, caller: caller)
    }

    func set(
        _ type: String, _ key: String = "", _ content: JSONObject, in room: RoomID, _ caller: Caller
    ) async throws {
        _ = try await rooms.setState(room: room, type: type, stateKey: key, content: content, caller: caller)
    }

    // MARK: Requests

    /// One request of another server, through the router as the front does it.
    func call(
        _ method: HTTPMethod, _ target: String, _ body: JSONValue? = nil, from origin: String? = "there",
        raw: String? = nil
    ) async throws -> Answer {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].hasPrefix("/_") ? String(parts[0]) : "/_matrix/federation/v1" + parts[0]
        let response = try await respond(
            method, path, query: parts.count > 1 ? String(parts[1]) : "", from: origin,
            body: raw.map { Array($0.utf8) } ?? body?.canonicalBytes() ?? [])
        return Answer(
            status: response.status, json: try JSONValue.parse(response.body + response.moreChunks.joined()))
    }

    func respond(
        _ method: HTTPMethod, _ path: String, query: String, from origin: String?, body: [UInt8]
    ) async throws -> HTTPResponse {
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            String($0).removingPercentEncoding ?? ""
        }
        guard case .found(let index) = router.match(method, segments) else {
            return MatrixError.unrecognizedPath.response
        }
        let route = router.routes[index]
        let request = HTTPRequest(
            method: method, rawPath: path, pathSegments: segments, query: HTTPQuery(query) ?? HTTPQuery(),
            headers: HTTPRequestHeaders(origin.map { [("X-Origin", $0)] } ?? []), body: body,
            remoteAddress: "192.0.2.1",
            number: numbers.withLock { number in
                number += 1
                return number
            },
            parameters: PathParameters(of: route, segments: segments))
        do {
            switch route.handler {
            case .immediate(let handle), .pooled(let handle): return try handle(request)
            case .async(let handle): return try await handle(request)
            }
        } catch let error as MatrixError {
            return error.response
        }
    }

    /// Lets a user of another server into a room by the handshake.
    @discardableResult
    func join(
        _ user: String, to room: RoomID, omittingMembers: Bool = false
    ) async throws -> (answer: Answer, eventID: EventID) {
        let server = try OtherServer(of: user)
        let made = try await call(.get, "/make_join/\(room)/\(user)?\(OtherServer.allVersions)", from: server.name)
        try #require(made.status == 200, "\(made.json)")
        let event = try server.sign(made)
        let query = omittingMembers ? "?omit_members=true" : ""
        let sent = try await call(
            .put, "/_matrix/federation/v2/send_join/\(room)/\(event.eventID.inPath)\(query)", .object(event.object),
            from: server.name)
        return (sent, event.eventID)
    }

    /// Invites a user of another server, who signs it as well.
    func invite(_ user: String, to room: RoomID, by caller: Caller) async throws {
        let version = try #require(
            try RoomQueries(views: views).head(room).flatMap { RoomVersion.named($0.roomVersion) })
        let event = try await rooms.invitation(
            ["membership": "invite"], to: try UserID(parsing: user), by: caller.userID, in: room, requestID: "test")
        let other = try OtherServer(of: user)
        let object = try EventSigner.addSignature(
            to: event.pdu.object, version: version, server: try ServerName(parsing: other.name), key: other.key)
        let result = try await rooms.receive(
            object, room: room, version: version, from: name, requestID: "test",
            pipeline: ReceiptPipeline { _, _ in .valid })
        try #require(result == .recorded(.accepted, wasKnown: false))
    }

    /// Takes a user of another server out of a room by the handshake.
    func leave(_ user: String, _ room: RoomID) async throws {
        let server = try OtherServer(of: user)
        let made = try await call(.get, "/make_leave/\(room)/\(user)", from: server.name)
        try #require(made.status == 200, "\(made.json)")
        let event = try server.sign(made)
        let sent = try await call(
            .put, "/_matrix/federation/v2/send_leave/\(room)/\(event.eventID.inPath)", .object(event.object),
            from: server.name)
        try #require(sent.status == 200, "\(sent.json)")
    }
}

extension EventID {
    /// Encoded for a path: IDs of v3 may have a slash.
    var inPath: String { rawValue.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "" }
}

/// Another server: its users' events are signed with a key that is made from its name.
struct OtherServer {
    let name: String
    let key: SigningKey

    static var allVersions: String { RoomVersion.all.map { "ver=\($0.id)" }.joined(separator: "&") }

    static func key(of name: String) throws -> SigningKey {
        let seed = Array((Array(name.utf8) + [UInt8](repeating: 7, count: 32)).prefix(32))
        return try SigningKey(seed: seed, keyID: "ed25519:k1")
    }

    init(_ name: String) throws {
        self.name = name
        key = try Self.key(of: name)
    }

    init(of user: String) throws { try self.init(try UserID(parsing: user).serverName.rawValue) }

    /// Signs the template of an answer, perhaps changed.
    func sign(_ made: ResidentServer.Answer, _ change: (inout JSONObject) -> Void = { _ in }) throws -> SignedEvent {
        let version = try #require(made["room_version"]?.stringValue.flatMap { RoomVersion.named($0) })
        var event = try #require(made["event"]?.objectValue)
        event["origin"] = .string(name)
        if version.eventIDFormat == .opaque {
            event["event_id"] = .string("$made\(UInt64.random(in: 0...UInt64.max)):\(name)")
        }
        change(&event)
        return try EventSigner.sign(
            draft: event, version: version, server: try ServerName(parsing: name), key: key)
    }
}

/// Believes what the request says of itself.
private struct TakenAtItsWord: RequestAuthentication {
    func origin(of request: HTTPRequest) async throws -> ServerName {
        guard let name = request.headers.first("x-origin").flatMap({ ServerName($0) }) else {
            throw MatrixError(status: 401, errcode: "M_UNAUTHORIZED", message: "The request is not signed.")
        }
        return name
    }
}

private struct DerivedKeys: ServerKeySource {
    func publicKey(
        of server: ServerName, keyID: String, atMs: Int64, version: RoomVersion
    ) async throws -> [UInt8]? {
        let key = try OtherServer.key(of: server.rawValue)
        return key.keyID == keyID ? key.publicKey : nil
    }
}

/// Keeps EDUs.
final class Edus: Sendable {
    let taken = Mutex<[(EDU, ServerName)]>([])
}

/// Keeps invitations.
final class Intake: InvitationIntake {
    let taken = Mutex<[ReceivedInvitation]>([])

    func take(_ invitation: ReceivedInvitation) async throws { taken.withLock { $0.append(invitation) } }
}

/// Leads to other servers of the same test.
final class Wire: RemoteServers {
    let servers = Mutex<[ServerName: (server: ResidentServer, asker: String)]>([:])

    func send(_ request: RemoteRequest) async throws -> RemoteAnswer {
        guard let (server, asker) = servers.withLock({ $0[request.destination] }) else {
            throw RemoteFault.unreachable("no such server")
        }
        let method: HTTPMethod =
            switch request.method {
            case .get: .get
            case .post: .post
            case .put: .put
            }
        let parts = request.target.split(separator: "?", maxSplits: 1)
        let response = try await server.respond(
            method, String(parts[0]), query: parts.count > 1 ? String(parts[1]) : "", from: asker,
            body: request.body?.canonicalBytes() ?? [])
        return RemoteAnswer(status: response.status, body: response.body + response.moreChunks.joined())
    }
}
