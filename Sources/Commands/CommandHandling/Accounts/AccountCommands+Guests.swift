import Decisions
import EventLog
import LogEvents
package import MatrixIdentifiers
import Queries
import ReadModel

extension AccountCommands {
    /// Whether a token is a guest's whose name is `user`: "They are also required to specify the `username` parameter to the
    /// value of the local part of their username".
    package func requireGuest(_ user: UserID, accessToken: String) throws {
        let isOwn = try accounts.identity(tokenHash: AccessTokens.hash(accessToken)).map { identity in
            identity.userID == user && identity.isGuest && !identity.isDeactivated && !identity.isLocked
        }
        guard isOwn == true else {
            throw Rejection.forbidden("guest_access_token is not the token of a guest of this name.")
        }
    }

    /// Makes a guest a user with a password, and logs them in unless told not to, in one commit.
    package func upgradeGuest(_ account: NewAccount, cause: String) async throws -> Registration {
        guard let user = account.userID, let password = account.password else {
            throw Rejection.missingParam("username and password are needed.")
        }
        try checkPassword(password)
        let hash = try await hashing.hash(password)
        // Two upgrades at once would leave it open whose password counts: the second is too late.
        let stream = Self.stream(of: user)
        let version = try environment.log.streamVersion(of: stream)
        guard try accounts.account(user)?.isGuest == true else { throw Rejection.forbidden("This is no guest.") }
        let upgraded = GuestUpgraded(
            userID: user.rawValue, passwordHash: hash, registrationToken: account.registrationToken)
        var records = [upgraded.record(stream: stream, actor: user.rawValue, cause: cause)]
        var session: LoginSession?
        if let device = account.device {
            let (fact, made) = try newSession(for: user, device: device)
            records.append(fact.record(stream: stream, actor: user.rawValue, cause: cause))
            session = made
        }
        try await append(records, expected: [(stream, version)])
        return Registration(userID: user, session: session)
    }
}
