package import CanonicalJSON
import Decisions
import EventLog
import EventSigning
package import LogEvents
package import MatrixIdentifiers
import Queries

/// Everything a client or an administrator may ask of an account. Each function returns when its facts are durable and
/// readable.
///
/// All throw ``Rejection`` for what the rules forbid and `AppendFault` for what the machine could not do.
package final class AccountCommands: Sendable {
    package let environment: CommandEnvironment
    package let settings: AccountSettings
    package let hashing: PasswordHashing
    package let sessions: InteractiveSessions
    package let loginTokens: LoginTokens
    let refreshes = FreshTokens()
    let accounts: AccountQueries

    package init(
        environment: CommandEnvironment,
        settings: AccountSettings = AccountSettings(),
        hashing: PasswordHashing = PasswordHashing()
    ) {
        self.environment = environment
        self.settings = settings
        self.hashing = hashing
        sessions = InteractiveSessions(nowMs: environment.nowMs, randomBytes: environment.randomBytes)
        loginTokens = LoginTokens(nowMs: environment.nowMs, randomBytes: environment.randomBytes)
        accounts = AccountQueries(views: environment.views)
    }

    // MARK: Flags

    /// Changes what an account may do; nil leaves a flag as it is.
    package func setFlags(
        of user: UserID,
        isAdmin: Bool? = nil,
        isLocked: Bool? = nil,
        isSuspended: Bool? = nil,
        by actor: String,
        cause: String
    ) async throws {
        guard try accounts.account(user) != nil else { throw Rejection.notFound("There is no account \(user).") }
        let fact = AccountFlagsChanged(
            userID: user.rawValue, isAdmin: isAdmin, isLocked: isLocked, isSuspended: isSuspended)
        try await append([fact.record(stream: Self.stream(of: user), actor: actor, cause: cause)])
    }

    // MARK: Profile

    /// "the total profile MUST be under 64 KiB"
    package static let maximumProfileBytes = 65_536

    /// Sets a profile field; nil removes it.
    ///
    /// - Returns: whether anything changed.
    package func setProfileField(
        _ field: String, of user: UserID, to value: JSONValue?, caller: Caller
    ) async throws -> Bool {
        guard try accounts.account(user) != nil else { throw Rejection.notFound("There is no account \(user).") }
        var profile = try accounts.profile(user) ?? [:]
        if profile[field] == value { return false }
        profile[field] = value
        guard profile.canonicalBytes().count < Self.maximumProfileBytes || value == nil else {
            throw Rejection(400, "M_PROFILE_TOO_LARGE", "The profile would have 64 KiB or more.")
        }
        let fact = ProfileFieldSet(userID: user.rawValue, field: field, value: value)
        try await append(fact, of: user, caller: caller)
        return true
    }

    // MARK: Account data and filters

    /// Replaces account data, global or of one room.
    package func setAccountData(
        type: String, room: RoomID?, content: JSONObject, caller: Caller
    ) async throws {
        let fact = AccountDataSet(
            userID: caller.userID.rawValue, roomID: room?.rawValue, type: type, content: .object(content))
        try await append(fact, of: caller.userID, caller: caller)
    }

    /// Stores a filter; the same filter again has the same ID.
    package func createFilter(_ definition: JSONObject, caller: Caller) async throws -> String {
        // "The ID of the filter […] Cannot start with a `{`": it is a hash of the filter.
        let text = String(decoding: definition.canonicalBytes(), as: UTF8.self)
        let hash = Array(AccessTokens.hash(text).prefix(12))
        let filterID = UnpaddedBase64.encodeURLSafe(hash)
        if try accounts.filter(caller.userID, id: filterID) != nil { return filterID }
        let fact = FilterCreated(
            userID: caller.userID.rawValue, filterID: filterID, definition: .object(definition))
        try await append(fact, of: caller.userID, caller: caller)
        return filterID
    }

    // MARK: Reports

    /// Stores a report for the administrators.
    package func file(_ report: ReportFiled, caller: Caller) async throws {
        let record = report.record(
            stream: StreamID(kind: .server, name: "reports"), actor: caller.userID.rawValue, cause: caller.requestID)
        try await append([record])
    }

    // MARK: Registration tokens

    /// Makes, changes or removes a registration token.
    package func setRegistrationToken(_ fact: RegistrationTokenSet, actor: String, cause: String) async throws {
        let stream = StreamID(kind: .server, name: "registration-token/" + fact.token)
        try await append([fact.record(stream: stream, actor: actor, cause: cause)])
    }

    // MARK: Shared

    static func stream(of user: UserID) -> StreamID { StreamID(kind: .user, name: user.rawValue) }

    func append(_ fact: some LogEvent, of user: UserID, caller: Caller) async throws {
        let record = fact.record(
            stream: Self.stream(of: user), actor: caller.userID.rawValue, cause: caller.requestID)
        try await append([record])
    }

    func append(_ records: [NewRecord], expected: [(StreamID, UInt64)] = []) async throws {
        _ = try await environment.log.append(LogBatch(records: records, expected: expected))
    }

    /// Refuses a password that is too long or too short, before time is spent on it.
    package func checkPassword(_ password: String) throws {
        guard password.utf8.count <= settings.maximumPasswordBytes else {
            throw Rejection.invalidParam("A password may have at most \(settings.maximumPasswordBytes) bytes.")
        }
        guard password.unicodeScalars.count >= settings.minimumPasswordLength else {
            throw Rejection(
                400, "M_PASSWORD_TOO_SHORT",
                "A password must have at least \(settings.minimumPasswordLength) characters.")
        }
    }
}
