import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions

/// What an operator may change from the command line; the same code behind the control socket and without a server.
struct ControlOperations: Sendable {
    let storage: Storage
    let rooms: RoomCommands
    let accounts: AccountCommands
    let serverName: ServerName
    /// Waits until what was erased up to a record has left the search index.
    let forgetErased: @Sendable (LogPosition) async throws -> Void

    private var operatorCaller: Caller {
        Caller(
            userID: operatorID, deviceID: nil, isAdmin: true, requestID: "command line")
    }

    private let operatorID: UserID

    init(
        storage: Storage, rooms: RoomCommands, accounts: AccountCommands, serverName: ServerName,
        forgetErased: @escaping @Sendable (LogPosition) async throws -> Void
    ) throws {
        self.forgetErased = forgetErased
        self.storage = storage
        self.rooms = rooms
        self.accounts = accounts
        self.serverName = serverName
        operatorID = try UserID(parsing: "@engram:\(serverName.rawValue)")
    }

    /// - Throws: `Rejection` for what cannot be done; the message is for the operator.
    func perform(_ verb: String, _ body: JSONObject) async throws -> JSONValue {
        switch verb {
        case "add_user": return try await addUser(body)
        case "set_password": return try await setPassword(body)
        case "deactivate_user": return try await deactivate(body)
        case "erase": return try await erase(body)
        default: throw Rejection(404, "M_UNRECOGNIZED", "There is no control verb \(verb).")
        }
    }

    private func text(_ name: String, _ body: JSONObject) throws -> String {
        guard let text = body[name]?.stringValue, !text.isEmpty else {
            throw Rejection.missingParam("\(name) is missing.")
        }
        return text
    }

    private func user(_ body: JSONObject) throws -> UserID {
        let name = try text("name", body)
        let full = name.hasPrefix("@") ? name : "@\(name):\(serverName.rawValue)"
        guard let user = UserID(full) else { throw Rejection.invalidParam("\(full) is not a user ID.") }
        return user
    }

    private func addUser(_ body: JSONObject) async throws -> JSONValue {
        var account = NewAccount(userID: try user(body), password: try text("password", body))
        account.isAdmin = body["admin"]?.boolValue ?? false
        let made = try await accounts.register(account, cause: operatorCaller.requestID)
        return ["user_id": .string(made.userID.rawValue)]
    }

    private func setPassword(_ body: JSONObject) async throws -> JSONValue {
        let user = try user(body)
        let queries = AccountQueries(views: storage.views)
        guard try queries.account(user) != nil else { throw Rejection.notFound("There is no account \(user).") }
        let devices = body["logout"]?.boolValue ?? true ? try queries.devices(user).map(\.deviceID) : []
        try await accounts.changePassword(
            of: user, to: try text("password", body), removingDevices: devices, caller: operatorCaller)
        return ["user_id": .string(user.rawValue)]
    }

    private func deactivate(_ body: JSONObject) async throws -> JSONValue {
        let user = try user(body)
        try await accounts.deactivate(
            user, erase: body["erase"]?.boolValue ?? false, rooms: rooms, caller: operatorCaller)
        return ["user_id": .string(user.rawValue)]
    }

    /// Destroys the content of events: each keeps its redacted form, whose id and signatures still verify.
    private func erase(_ body: JSONObject) async throws -> JSONValue {
        let reason = try text("reason", body)
        let queries = RoomQueries(views: storage.views)
        var positions: [LogPosition] = []
        for value in body["events"]?.arrayValue ?? [] {
            guard let id = value.stringValue.flatMap({ EventID($0) }) else {
                throw Rejection.notFound("There is no event \(value.stringValue ?? "?").")
            }
            let records = try queries.eventPositions(id)
            guard !records.isEmpty else { throw Rejection.notFound("There is no event \(id).") }
            positions += records
        }
        guard !positions.isEmpty else { throw Rejection.missingParam("Name at least one event.") }
        try await storage.eventLog.erase(
            positions: positions,
            replacement: Self.skeleton,
            actor: operatorID.rawValue,
            reason: reason
        )
        try await storage.eventLog.scrub()
        try storage.views.scrub()
        try await forgetErased(storage.eventLog.durableHead)
        return ["erased": .integer(Int64(body["events"]?.arrayValue?.count ?? 0))]
    }

    /// What remains of an erased PDU: the same fact with the PDU redacted, so that its id and signatures still verify.
    @Sendable static func skeleton(of record: EventRecord) throws -> [UInt8]? {
        guard record.kind == .pduRecorded else { return nil }
        var fact = try PDURecorded(payload: record.payload)
        guard let version = RoomVersion.named(fact.roomVersion) else { return nil }
        let pdu = try PDU(parsing: fact.pdu, version: version)
        fact.pdu = Redaction.redacted(pdu.object, version: version).canonicalBytes()
        return fact.payload()
    }
}
