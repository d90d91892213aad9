package import CanonicalJSON
package import MatrixIdentifiers

/// What a client says about the device it logs in with.
package struct DeviceRequest: Sendable {
    package var deviceID: String?
    package var displayName: String?
    package var wantsRefreshToken: Bool
    package var ip: String?
    package var userAgent: String?

    package init(
        deviceID: String? = nil,
        displayName: String? = nil,
        wantsRefreshToken: Bool = false,
        ip: String? = nil,
        userAgent: String? = nil
    ) {
        self.deviceID = deviceID
        self.displayName = displayName
        self.wantsRefreshToken = wantsRefreshToken
        self.ip = ip
        self.userAgent = userAgent
    }
}

/// A login that has just been made: the only moment at which its secrets are known.
package struct LoginSession: Sendable {
    package let userID: UserID
    package let deviceID: String
    package let accessToken: String
    package let refreshToken: String?
    package let expiresInMs: Int64?

    /// The members that `/login`, `/register` and `/refresh` answer with.
    package var tokenMembers: JSONObject {
        var members: JSONObject = ["access_token": .string(accessToken)]
        if let refreshToken { members["refresh_token"] = .string(refreshToken) }
        if let expiresInMs { members["expires_in_ms"] = .integer(expiresInMs) }
        return members
    }
}
