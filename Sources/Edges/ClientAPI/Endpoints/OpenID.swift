import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import Synchronization

/// `/openid/request_token`, and where others check such a token.
extension ClientAPI {
    func addOpenID(to table: inout EndpointTable) {
        table.read(.post, "/user/{userId}/openid/request_token", .user) { call in
            let user = try call.ownUser("You may not request tokens for other users.")
            // "An empty object. Reserved for future expansion."
            _ = try call.optionalBody()
            let token = openIDTokens.make(for: user)
            return .json([
                "access_token": .string(token), "token_type": "Bearer",
                "matrix_server_name": .string(environment.serverName.rawValue),
                "expires_in": .integer(OpenIDTokens.lifetimeMs / 1000),
            ])
        }
        // Third parties ask it, wherever clients or servers are answered.
        let options = RouteOptions(resource: "openid")
        table.perform(.get, "/_matrix/federation/v1/openid/userinfo", .anyone, options: options) { call in
            guard let token = call.query("access_token") else {
                throw MatrixError(status: 401, errcode: "M_MISSING_TOKEN", message: "Access Token required")
            }
            guard let user = openIDTokens.user(of: token) else {
                throw MatrixError(
                    status: 401, errcode: "M_UNKNOWN_TOKEN", message: "Access Token unknown or expired")
            }
            return .json(["sub": .string(user.rawValue)])
        }
    }
}

/// Tokens by which third parties learn who somebody is. They live for an hour and are kept in memory: a restart ends them
/// early, and whoever needs one asks again.
final class OpenIDTokens: Sendable {
    static let lifetimeMs: Int64 = 3_600_000
    private static let capacity = 100_000

    private struct Token {
        let user: UserID
        let expiresAtMs: Int64
    }

    private let tokens = Mutex<[String: Token]>([:])
    private let nowMs: @Sendable () -> Int64
    private let randomBytes: @Sendable (Int) -> [UInt8]

    init(nowMs: @escaping @Sendable () -> Int64, randomBytes: @escaping @Sendable (Int) -> [UInt8]) {
        self.nowMs = nowMs
        self.randomBytes = randomBytes
    }

    func make(for user: UserID) -> String {
        let token = HexText.encode(randomBytes(32))
        let now = nowMs()
        tokens.withLock { tokens in
            if tokens.count >= Self.capacity {
                tokens = tokens.filter { $0.value.expiresAtMs > now }
                if tokens.count >= Self.capacity { tokens = [:] }
            }
            tokens[token] = Token(user: user, expiresAtMs: now &+ Self.lifetimeMs)
        }
        return token
    }

    /// Nil for a token that is unknown or too old.
    func user(of token: String) -> UserID? {
        let now = nowMs()
        return tokens.withLock { tokens in
            guard let known = tokens[token], known.expiresAtMs > now else { return nil }
            return known.user
        }
    }
}
