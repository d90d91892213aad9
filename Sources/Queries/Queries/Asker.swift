package import MatrixIdentifiers
package import ReadModel

/// Who an access token belongs to.
package struct Identity: Sendable, Hashable {
    package let userID: UserID
    package let userNum: UserNum
    package let deviceID: String?
    package let isAdmin: Bool
    package let isGuest: Bool
    package let isLocked: Bool
    package let isSuspended: Bool
    package let isDeactivated: Bool
    /// When the token ends, in milliseconds of wall time; 0 for never.
    package let expiresAtMs: Int64

    package init(
        userID: UserID,
        userNum: UserNum,
        deviceID: String?,
        isAdmin: Bool = false,
        isGuest: Bool = false,
        isLocked: Bool = false,
        isSuspended: Bool = false,
        isDeactivated: Bool = false,
        expiresAtMs: Int64 = 0
    ) {
        self.userID = userID
        self.userNum = userNum
        self.deviceID = deviceID
        self.isAdmin = isAdmin
        self.isGuest = isGuest
        self.isLocked = isLocked
        self.isSuspended = isSuspended
        self.isDeactivated = isDeactivated
        self.expiresAtMs = expiresAtMs
    }
}

/// Who asks, and when: what an answer depends on besides the views.
package struct Asker: Sendable, Hashable {
    package let identity: Identity
    /// Wall time in milliseconds, for the `age` of events.
    package let nowMs: Int64
    /// The log's epoch, for tokens.
    package let epoch: UInt64

    package init(_ identity: Identity, nowMs: Int64, epoch: UInt64) {
        self.identity = identity
        self.nowMs = nowMs
        self.epoch = epoch
    }

    func token(_ position: UInt64) -> String { SyncToken(epoch: epoch, position: position).description }
}
