package import MatrixIdentifiers
import Synchronization

/// The short-lived, single-use tokens of `m.login.token`. They are worth nothing after a restart.
package final class LoginTokens: Sendable {
    private let table: Mutex<ExpiringTable<UserID>>
    private let nowMs: @Sendable () -> Int64
    private let randomBytes: @Sendable (Int) -> [UInt8]
    /// How long a token may be used.
    package let lifetimeMs: Int64

    package init(
        lifetimeMs: Int64 = 2 * 60 * 1000,
        capacity: Int = 10_000,
        nowMs: @escaping @Sendable () -> Int64,
        randomBytes: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.lifetimeMs = lifetimeMs
        self.nowMs = nowMs
        self.randomBytes = randomBytes
        table = Mutex(ExpiringTable(capacity: capacity))
    }

    package func make(for user: UserID) -> String {
        let token = AccessTokens.make(.login, randomBytes: randomBytes)
        let now = nowMs()
        table.withLock {
            $0.insert(user, id: AccessTokens.hashText(token), expiresAtMs: now &+ lifetimeMs, nowMs: now)
        }
        return token
    }

    /// Whose token it is; it cannot be used again.
    package func spend(_ token: String) -> UserID? {
        let now = nowMs()
        return table.withLock { $0.remove(AccessTokens.hashText(token), nowMs: now) }
    }
}
