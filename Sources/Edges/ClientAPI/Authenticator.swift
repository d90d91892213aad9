import CanonicalJSON
package import CommandHandling
import HTTPFront
import Queries
package import ReadModel
import Synchronization

/// Finds out who asks, by their access token. Answers are remembered until the account or its logins change.
package final class Authenticator: Sendable {
    private struct Known {
        var identities: [String: Identity] = [:]
        var tokens: [UserNum: [String]] = [:]
        /// Grows with every change of accounts: an answer read before a change must not be remembered after it.
        var generation: UInt64 = 0
    }

    private static let capacity = 20_000

    private let known = Mutex(Known())
    private let queries: AccountQueries
    private let accounts: AccountCommands
    private let nowMs: @Sendable () -> Int64
    /// Where devices were last seen.
    package let sightings = DeviceSightings()

    init(queries: AccountQueries, accounts: AccountCommands, nowMs: @escaping @Sendable () -> Int64) {
        self.queries = queries
        self.accounts = accounts
        self.nowMs = nowMs
    }

    /// Forgets what is known of users whose tokens or flags changed; called with every applied batch that names some.
    package func forget(_ users: Set<UserNum>) {
        guard !users.isEmpty else { return }
        known.withLock { known in
            known.generation &+= 1
            for user in users {
                for token in known.tokens.removeValue(forKey: user) ?? [] { known.identities[token] = nil }
            }
        }
    }

    /// Who sends a request.
    ///
    /// - Throws: M_MISSING_TOKEN, M_UNKNOWN_TOKEN.
    func identity(of request: HTTPRequest) throws -> Identity {
        guard let token = request.accessToken, !token.isEmpty else {
            throw MatrixError(status: 401, errcode: "M_MISSING_TOKEN", message: "Missing access token")
        }
        guard let identity = try identity(ofToken: token), !identity.isDeactivated else {
            throw Self.unknownToken("Unknown or expired access token", softLogout: false)
        }
        let now = nowMs()
        guard identity.expiresAtMs == 0 || identity.expiresAtMs > now else {
            // "the client can retry with a new token without losing what it stores" (soft logout)
            throw Self.unknownToken("The access token has expired", softLogout: true)
        }
        if let deviceID = identity.deviceID {
            sightings.note(
                user: identity.userID, deviceID: deviceID, ip: request.remoteAddress,
                userAgent: request.headers.first("user-agent"), nowMs: now)
        }
        return identity
    }

    private static func unknownToken(_ message: String, softLogout: Bool) -> MatrixError {
        MatrixError(
            status: 401, errcode: "M_UNKNOWN_TOKEN", message: message, extra: [("soft_logout", .bool(softLogout))])
    }

    private func identity(ofToken token: String) throws -> Identity? {
        let (found, generation) = known.withLock { ($0.identities[token], $0.generation) }
        if let found { return found }
        guard token.utf8.count <= 1024 else { return nil }
        let hash = AccessTokens.hash(token)
        guard let identity = try queries.identity(tokenHash: hash) else { return nil }
        accounts.noteUse(ofTokenHash: hash)
        known.withLock { known in
            guard known.generation == generation else { return }
            if known.identities.count >= Self.capacity {
                known.identities = [:]
                known.tokens = [:]
            }
            if known.identities.updateValue(identity, forKey: token) == nil {
                known.tokens[identity.userNum, default: []].append(token)
            }
        }
        return identity
    }
}
