import CanonicalJSON
package import EventLog

/// A local account came into being.
package struct AccountRegistered: LogEvent, Hashable {
    package static let kind = RecordKind.accountRegistered

    package var userID: String
    /// Argon2id or bcrypt string; nil when the account has no password.
    package var passwordHash: String?
    /// `user`, `guest`, `appservice`, `support` or `bot`.
    package var accountKind: String
    package var isAdmin: Bool
    /// The registration token it spent, when one was asked for.
    package var registrationToken: String?

    package init(
        userID: String,
        passwordHash: String? = nil,
        accountKind: String,
        isAdmin: Bool = false,
        registrationToken: String? = nil
    ) {
        self.userID = userID
        self.passwordHash = passwordHash
        self.accountKind = accountKind
        self.isAdmin = isAdmin
        self.registrationToken = registrationToken
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "AccountRegistered")
        userID = try json.string("user_id")
        passwordHash = json.optionalString("password_hash")
        accountKind = try json.string("kind")
        isAdmin = json.flag("admin")
        registrationToken = json.optionalString("registration_token")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "AccountRegistered")
        json.set("user_id", userID)
        json.set("password_hash", passwordHash)
        json.set("kind", accountKind)
        json.set("admin", flag: isAdmin)
        json.set("registration_token", registrationToken)
        return json.object.canonicalBytes()
    }
}

/// An account has another password.
package struct PasswordChanged: LogEvent, Hashable {
    package static let kind = RecordKind.passwordChanged

    package var userID: String
    package var passwordHash: String?

    package init(
        userID: String,
        passwordHash: String? = nil
    ) {
        self.userID = userID
        self.passwordHash = passwordHash
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "PasswordChanged")
        userID = try json.string("user_id")
        passwordHash = json.optionalString("password_hash")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "PasswordChanged")
        json.set("user_id", userID)
        json.set("password_hash", passwordHash)
        return json.object.canonicalBytes()
    }
}

/// An account was closed for ever; devices and tokens end with it.
package struct AccountDeactivated: LogEvent, Hashable {
    package static let kind = RecordKind.accountDeactivated

    package var userID: String
    /// The person asked that others no longer see what they wrote.
    package var erase: Bool

    package init(
        userID: String,
        erase: Bool = false
    ) {
        self.userID = userID
        self.erase = erase
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "AccountDeactivated")
        userID = try json.string("user_id")
        erase = json.flag("erase")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "AccountDeactivated")
        json.set("user_id", userID)
        json.set("erase", flag: erase)
        return json.object.canonicalBytes()
    }
}

/// An administrator changed what an account may do; nil leaves a flag as it is.
package struct AccountFlagsChanged: LogEvent, Hashable {
    package static let kind = RecordKind.accountFlagsChanged

    package var userID: String
    package var isAdmin: Bool?
    package var isLocked: Bool?
    package var isSuspended: Bool?

    package init(
        userID: String,
        isAdmin: Bool? = nil,
        isLocked: Bool? = nil,
        isSuspended: Bool? = nil
    ) {
        self.userID = userID
        self.isAdmin = isAdmin
        self.isLocked = isLocked
        self.isSuspended = isSuspended
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "AccountFlagsChanged")
        userID = try json.string("user_id")
        isAdmin = json.object["admin"]?.boolValue
        isLocked = json.object["locked"]?.boolValue
        isSuspended = json.object["suspended"]?.boolValue
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "AccountFlagsChanged")
        json.set("user_id", userID)
        json.set("admin", json: isAdmin.map(JSONValue.bool))
        json.set("locked", json: isLocked.map(JSONValue.bool))
        json.set("suspended", json: isSuspended.map(JSONValue.bool))
        return json.object.canonicalBytes()
    }
}
