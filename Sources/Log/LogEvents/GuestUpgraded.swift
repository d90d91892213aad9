import CanonicalJSON
package import EventLog

/// A guest became a user: the account stays, and has a password from now on.
package struct GuestUpgraded: LogEvent, Hashable {
    package static let kind = RecordKind.guestUpgraded

    package var userID: String
    /// Argon2id or bcrypt string.
    package var passwordHash: String
    /// The registration token it spent, when one was asked for.
    package var registrationToken: String?

    package init(userID: String, passwordHash: String, registrationToken: String? = nil) {
        self.userID = userID
        self.passwordHash = passwordHash
        self.registrationToken = registrationToken
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "GuestUpgraded")
        userID = try json.string("user_id")
        passwordHash = try json.string("password_hash")
        registrationToken = json.optionalString("registration_token")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "GuestUpgraded")
        json.set("user_id", userID)
        json.set("password_hash", passwordHash)
        json.set("registration_token", registrationToken)
        return json.object.canonicalBytes()
    }
}
