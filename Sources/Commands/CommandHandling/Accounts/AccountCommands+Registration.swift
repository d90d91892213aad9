import CanonicalJSON
import Decisions
import EventLog
import LogEvents
package import MatrixIdentifiers
import Queries
import ReadModel

/// An account to be made.
package struct NewAccount: Sendable {
    /// `user`, `guest`, `appservice`, `support` or `bot`.
    package enum Kind: String, Sendable {
        case user
        case guest
        case support
        case bot
    }

    /// Nil to have one generated.
    package var userID: UserID?
    package var password: String?
    /// A hash made elsewhere, instead of a password.
    package var passwordHash: String?
    package var kind = Kind.user
    package var isAdmin = false
    package var displayName: String?
    package var registrationToken: String?
    /// The token of the guest who becomes a user.
    package var guestAccessToken: String?
    /// Nil to log nobody in.
    package var device: DeviceRequest?

    package init(userID: UserID? = nil, password: String? = nil, device: DeviceRequest? = nil) {
        self.userID = userID
        self.password = password
        self.device = device
    }
}

extension AccountCommands {
    /// What became of a registration.
    package struct Registration: Sendable {
        package let userID: UserID
        package let session: LoginSession?

        package init(userID: UserID, session: LoginSession?) {
            self.userID = userID
            self.session = session
        }
    }

    /// Whether a user ID is free, as far as can be told now.
    package func requireFree(_ user: UserID) throws {
        guard try accounts.account(user) == nil else { throw Self.userInUse }
    }

    private static let userInUse = Rejection(400, "M_USER_IN_USE", "The user ID is already taken.")

    /// Makes an account and, unless told not to, its first login, in one commit.
    package func register(_ account: NewAccount, cause: String) async throws -> Registration {
        if account.guestAccessToken != nil { return try await upgradeGuest(account, cause: cause) }
        var passwordHash = account.passwordHash
        if let password = account.password {
            try checkPassword(password)
            passwordHash = try await hashing.hash(password)
        }
        for _ in 0..<8 {
            let userID = try account.userID ?? generatedUserID(kind: account.kind)
            do {
                return try await register(account, as: userID, passwordHash: passwordHash, cause: cause)
            } catch AppendFault.conflict {
                // Another registration of the name was first.
                if account.userID != nil { throw Self.userInUse }
            } catch let rejection as Rejection where rejection == Self.userInUse && account.userID == nil {
                continue
            }
        }
        throw Rejection(500, "M_UNKNOWN", "No free user name was found; ask for one by name.")
    }

    private func register(
        _ account: NewAccount, as userID: UserID, passwordHash: String?, cause: String
    ) async throws -> Registration {
        try requireFree(userID)
        let stream = Self.stream(of: userID)
        let actor = userID.rawValue
        let registered = AccountRegistered(
            userID: actor,
            passwordHash: passwordHash,
            accountKind: account.kind.rawValue,
            isAdmin: account.isAdmin,
            registrationToken: account.registrationToken
        )
        var records = [registered.record(stream: stream, actor: actor, cause: cause)]
        // Other servers name a new account after its localpart, and clients count on a name.
        let name = ProfileFieldSet(
            userID: actor, field: "displayname", value: .string(account.displayName ?? userID.localpart))
        records.append(name.record(stream: stream, actor: actor, cause: cause))
        var session: LoginSession?
        if let device = account.device {
            let (fact, made) = try newSession(for: userID, device: device)
            records.append(fact.record(stream: stream, actor: actor, cause: cause))
            session = made
        }
        try await append(records, expected: [(stream, 0)])
        return Registration(userID: userID, session: session)
    }

    private func generatedUserID(kind: NewAccount.Kind) throws -> UserID {
        let localpart =
            kind == .guest
            ? Localparts.generatedGuest(randomBytes: environment.randomBytes)
            : Localparts.generated(randomBytes: environment.randomBytes)
        return try UserID(localpart: localpart, server: environment.serverName)
    }

    // MARK: Registration tokens

    /// Whether a registration token may still be used, counting what other open sessions mean to use.
    package func isUsable(registrationToken token: String) throws -> Bool {
        guard let row = try accounts.registrationToken(token) else { return false }
        if let expires = row.expiresAtMs, expires <= environment.nowMs() { return false }
        guard let allowed = row.usesAllowed else { return true }
        return Int64(row.completed) &+ Int64(sessions.reservations(of: token)) < allowed
    }
}
