package import EventLog
package import EventSigning
package import MatrixIdentifiers
package import ReadModel
package import RoomVersions

/// What every command needs from the outside; the assembly supplies it, a test or a simulation supplies another.
package struct CommandEnvironment: Sendable {
    package let log: any EventLog
    package let views: Views
    package let serverName: ServerName
    package let signingKey: SigningKey
    /// Wall time in milliseconds since 1970.
    package let nowMs: @Sendable () -> Int64
    /// That many unpredictable bytes.
    package let randomBytes: @Sendable (Int) -> [UInt8]
    package let defaultRoomVersion: RoomVersion

    package init(
        log: any EventLog,
        views: Views,
        serverName: ServerName,
        signingKey: SigningKey,
        nowMs: @escaping @Sendable () -> Int64,
        randomBytes: @escaping @Sendable (Int) -> [UInt8],
        defaultRoomVersion: RoomVersion
    ) {
        self.log = log
        self.views = views
        self.serverName = serverName
        self.signingKey = signingKey
        self.nowMs = nowMs
        self.randomBytes = randomBytes
        self.defaultRoomVersion = defaultRoomVersion
    }
}

/// Who gives a command, as authentication found it.
package struct Caller: Sendable, Hashable {
    package let userID: UserID
    /// Nil for callers without a device, such as an administrator's tool.
    package let deviceID: String?
    package let isAdmin: Bool
    package let isGuest: Bool
    /// Goes into the log as the record's cause.
    package let requestID: String

    package init(userID: UserID, deviceID: String?, isAdmin: Bool = false, isGuest: Bool = false, requestID: String) {
        self.userID = userID
        self.deviceID = deviceID
        self.isAdmin = isAdmin
        self.isGuest = isGuest
        self.requestID = requestID
    }
}
