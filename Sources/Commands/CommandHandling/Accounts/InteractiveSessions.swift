package import CanonicalJSON
import EventSigning
package import MatrixIdentifiers
import Synchronization

/// One attempt at User-Interactive Authentication.
package struct InteractiveSession: Sendable {
    package let id: String
    /// What the session was begun for: it opens nothing else.
    package let operation: String
    /// The authentication types done so far, in order.
    package var completed: [String] = []
    /// The request as first made, without `auth`: a client may repeat only its `auth`.
    package var request: JSONObject
    /// The registration token that this session means to spend.
    package var registrationToken: String?
    /// The account that this session made: repeating its last request must not make another.
    package var registeredUser: UserID?
}

/// The open sessions of User-Interactive Authentication: in memory, bounded, at most fifteen minutes old.
package final class InteractiveSessions: Sendable {
    package static let lifetimeMs: Int64 = 15 * 60 * 1000
    private static let maximumRequestBytes = 4096

    private let table: Mutex<ExpiringTable<InteractiveSession>>
    private let nowMs: @Sendable () -> Int64
    private let randomBytes: @Sendable (Int) -> [UInt8]

    package init(
        capacity: Int = 10_000,
        nowMs: @escaping @Sendable () -> Int64,
        randomBytes: @escaping @Sendable (Int) -> [UInt8]
    ) {
        table = Mutex(ExpiringTable(capacity: capacity))
        self.nowMs = nowMs
        self.randomBytes = randomBytes
    }

    package func begin(operation: String, request: JSONObject) -> InteractiveSession {
        // A body too large to keep is not: the client sends it again with its `auth`, as the specification asks.
        let isSmall = request.canonicalBytes().count <= Self.maximumRequestBytes
        let session = InteractiveSession(
            id: UnpaddedBase64.encodeURLSafe(randomBytes(18)),
            operation: operation,
            request: isSmall ? request : JSONObject()
        )
        let now = nowMs()
        table.withLock {
            $0.insert(session, id: session.id, expiresAtMs: now &+ Self.lifetimeMs, nowMs: now)
        }
        return session
    }

    package func session(_ id: String) -> InteractiveSession? {
        let now = nowMs()
        return table.withLock { $0.value(id, nowMs: now) }
    }

    package func complete(_ type: String, in id: String, registrationToken: String? = nil) -> InteractiveSession? {
        let now = nowMs()
        return table.withLock { table in
            table.update(id, nowMs: now) { session in
                if !session.completed.contains(type) { session.completed.append(type) }
                if let registrationToken { session.registrationToken = registrationToken }
            }
        }
    }

    /// Keeps a newer body for a session; an `auth` alone keeps the older one.
    package func remember(_ request: JSONObject, in id: String) {
        guard !request.isEmpty, request.canonicalBytes().count <= Self.maximumRequestBytes else { return }
        let now = nowMs()
        table.withLock { table in _ = table.update(id, nowMs: now) { $0.request = request } }
    }

    /// Notes which account a session made. The token it reserved is spent now.
    package func finish(_ id: String, registered user: UserID) {
        let now = nowMs()
        table.withLock { table in
            _ = table.update(id, nowMs: now) { session in
                session.registeredUser = user
                session.registrationToken = nil
            }
        }
    }

    package func end(_ id: String) {
        let now = nowMs()
        table.withLock { table in _ = table.remove(id, nowMs: now) }
    }

    /// How many open sessions have reserved a use of a registration token.
    package func reservations(of registrationToken: String) -> Int {
        let now = nowMs()
        return table.withLock { table in
            table.count(nowMs: now) { $0.registrationToken == registrationToken }
        }
    }
}
