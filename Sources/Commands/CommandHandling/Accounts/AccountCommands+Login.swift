import CanonicalJSON
import Decisions
import EventLog
import LogEvents
package import MatrixIdentifiers
import Queries
import ReadModel

extension AccountCommands {
    /// Finds the account that a login's `user` means: a full user ID or a localpart, in any case of its letters.
    package func resolve(login text: String) throws -> UserID? {
        let full = text.utf8.first == UInt8(ascii: "@") ? text : "@\(text):\(environment.serverName)"
        guard let asWritten = UserID(full), asWritten.isOn(environment.serverName) else { return nil }
        if try accounts.account(asWritten) != nil { return asWritten }
        let lowered = "@\(Localparts.asciiLowercased(asWritten.localpart)):\(environment.serverName)"
        guard let other = UserID(lowered), try accounts.account(other) != nil else { return nil }
        return other
    }

    /// Whether a password opens an account; says why not when the account is closed.
    ///
    /// - Throws: M_USER_DEACTIVATED, M_USER_LOCKED.
    package func verify(password: String, of user: UserID?) async throws -> Bool {
        let row = try user.flatMap { try accounts.account($0) }
        guard password.utf8.count <= settings.maximumPasswordBytes else { return false }
        let isRight = try await hashing.verify(password, against: row?.passwordHash)
        return isRight && row?.isDeactivated == false
    }

    /// Logs a user in who has proved who they are.
    package func login(_ user: UserID, device: DeviceRequest, cause: String) async throws -> LoginSession {
        guard let row = try accounts.account(user) else {
            throw Rejection.forbidden("Invalid username or password.")
        }
        if row.isDeactivated { throw Rejection(403, "M_USER_DEACTIVATED", "This account has been deactivated.") }
        if row.isLocked {
            throw Rejection(
                401, "M_USER_LOCKED", "This account has been locked.", extra: ["soft_logout": .bool(true)])
        }
        let (fact, session) = try newSession(for: user, device: device)
        try await append([fact.record(stream: Self.stream(of: user), actor: user.rawValue, cause: cause)])
        return session
    }

    func newSession(for user: UserID, device: DeviceRequest) throws -> (DeviceRegistered, LoginSession) {
        let deviceID: String
        if let wanted = device.deviceID, !wanted.isEmpty {
            guard DeviceID(wanted) != nil else {
                throw Rejection.invalidParam("A device ID may have at most 255 bytes, and no NUL.")
            }
            deviceID = wanted
        } else {
            deviceID = Localparts.generatedDeviceID(randomBytes: environment.randomBytes)
        }
        if let name = device.displayName { try Self.checkDeviceName(name) }
        // "A display name to assign to the newly-created device. Ignored if `device_id` corresponds to a known device."
        let known = try accounts.device(user, deviceID)
        // "Servers therefore must ensure that device IDs will not collide with cross-signing public keys."
        if known == nil, try KeyQueries(views: environment.views).isCrossSigningKey(deviceID, of: user) {
            throw Rejection.forbidden("The device ID is the public part of one of your cross-signing keys.")
        }
        let tokens = newTokens(withRefreshToken: device.wantsRefreshToken)
        let fact = DeviceRegistered(
            userID: user.rawValue,
            deviceID: deviceID,
            displayName: known.map(\.displayName) ?? device.displayName,
            tokenHash: AccessTokens.hashText(tokens.access),
            tokenExpiresAtMs: tokens.accessExpiresAtMs,
            refreshHash: tokens.refresh.map(AccessTokens.hashText),
            refreshExpiresAtMs: tokens.refreshExpiresAtMs,
            ip: device.ip,
            userAgent: device.userAgent.map { String($0.unicodeScalars.prefix(512)) }
        )
        return (fact, tokens.session(of: user, deviceID: deviceID))
    }

    static func checkDeviceName(_ name: String) throws {
        guard name.unicodeScalars.count <= 100 else {
            throw Rejection.invalidParam("A device display name may have at most 100 characters.")
        }
    }

    // MARK: Tokens

    private struct Tokens {
        let access: String
        let accessExpiresAtMs: Int64?
        let refresh: String?
        let refreshExpiresAtMs: Int64?
        let lifetimeMs: Int64?

        func session(of user: UserID, deviceID: String) -> LoginSession {
            LoginSession(
                userID: user, deviceID: deviceID, accessToken: access, refreshToken: refresh, expiresInMs: lifetimeMs)
        }
    }

    private func newTokens(withRefreshToken: Bool) -> Tokens {
        let own =
            withRefreshToken
            ? settings.refreshableAccessTokenLifetimeMs : settings.nonRefreshableAccessTokenLifetimeMs
        let lifetime = [own, settings.sessionLifetimeMs].compactMap { $0 }.min()
        let now = environment.nowMs()
        return Tokens(
            access: AccessTokens.make(.access, randomBytes: environment.randomBytes),
            accessExpiresAtMs: lifetime.map { now &+ $0 },
            refresh: withRefreshToken ? AccessTokens.make(.refresh, randomBytes: environment.randomBytes) : nil,
            refreshExpiresAtMs: withRefreshToken ? settings.refreshTokenLifetimeMs.map { now &+ $0 } : nil,
            lifetimeMs: lifetime
        )
    }

    /// Trades a refresh token for new tokens.
    ///
    /// "The old refresh token remains valid until the new access token or refresh token is used, at which point the old
    /// refresh token is revoked."
    package func refresh(_ refreshToken: String, cause: String) async throws -> LoginSession {
        let hash = AccessTokens.hash(refreshToken)
        guard let row = try accounts.refreshToken(hash: hash) else {
            throw Rejection(401, "M_UNKNOWN_TOKEN", "Unknown refresh token.", extra: ["soft_logout": .bool(false)])
        }
        let user = try accounts.userID(row.user)
        // An answer may have been lost on its way: until what it carried is used, the old token works once more.
        if let replacement = row.replacedBy, !refreshes.isUnused(replacement) {
            throw Rejection(
                401, "M_UNKNOWN_TOKEN", "The refresh token has been used already.", extra: ["soft_logout": .bool(true)])
        }
        let now = environment.nowMs()
        guard row.expiresAtMs == 0 || row.expiresAtMs > now else {
            throw Rejection(
                401, "M_UNKNOWN_TOKEN", "The refresh token has expired.", extra: ["soft_logout": .bool(true)])
        }
        if let account = try accounts.account(user), account.isLocked {
            throw Rejection(
                401, "M_USER_LOCKED", "This account has been locked.", extra: ["soft_logout": .bool(true)])
        }
        let tokens = newTokens(withRefreshToken: true)
        let fact = TokensRefreshed(
            userID: user.rawValue,
            deviceID: row.deviceID,
            oldRefreshHash: AccessTokens.hashText(refreshToken),
            tokenHash: AccessTokens.hashText(tokens.access),
            tokenExpiresAtMs: tokens.accessExpiresAtMs,
            refreshHash: tokens.refresh.map(AccessTokens.hashText),
            refreshExpiresAtMs: tokens.refreshExpiresAtMs
        )
        let stream = Self.stream(of: user)
        try await append([fact.record(stream: stream, actor: user.rawValue, cause: cause)])
        refreshes.insert(AccessTokens.hash(tokens.access))
        return tokens.session(of: user, deviceID: row.deviceID)
    }

    /// Says that an access token has been used, which ends the refresh token it came from.
    package func noteUse(ofTokenHash hash: [UInt8]) { refreshes.remove(hash) }

    // MARK: Logout

    /// Ends the caller's login and removes its device.
    package func logout(caller: Caller) async throws {
        guard let deviceID = caller.deviceID else { return }
        try await removeDevices([deviceID], of: caller.userID, caller: caller)
    }

    /// Ends every login of the caller.
    package func logoutAll(caller: Caller) async throws {
        try await removeDevices(
            try accounts.devices(caller.userID).map(\.deviceID), of: caller.userID, caller: caller)
    }

    // MARK: Devices

    /// Gives a device another name.
    package func renameDevice(_ deviceID: String, to name: String?, caller: Caller) async throws {
        if let name { try Self.checkDeviceName(name) }
        guard let device = try accounts.device(caller.userID, deviceID) else {
            throw Rejection.notFound("You have no such device.")
        }
        guard let name, device.displayName != name else { return }
        let fact = DeviceRenamed(userID: caller.userID.rawValue, deviceID: deviceID, displayName: name)
        try await append(fact, of: caller.userID, caller: caller)
    }

    /// Removes devices; those that are not there are no error.
    package func removeDevices(_ deviceIDs: [String], of user: UserID, caller: Caller) async throws {
        let known = try deviceIDs.filter { try accounts.device(user, $0) != nil }
        guard !known.isEmpty else { return }
        let fact = DevicesRemoved(userID: user.rawValue, deviceIDs: known)
        try await append(fact, of: user, caller: caller)
    }

    // MARK: Password and end of an account

    /// Gives an account another password.
    ///
    /// - Parameter removingDevices: the devices whose logins end with the old password.
    package func changePassword(
        of user: UserID, to password: String, removingDevices: [String], caller: Caller
    ) async throws {
        try checkPassword(password)
        let hash = try await hashing.hash(password)
        let stream = Self.stream(of: user)
        let actor = caller.userID.rawValue
        var records = [
            PasswordChanged(userID: user.rawValue, passwordHash: hash)
                .record(stream: stream, actor: actor, cause: caller.requestID)
        ]
        if !removingDevices.isEmpty {
            let fact = DevicesRemoved(userID: user.rawValue, deviceIDs: removingDevices)
            records.append(fact.record(stream: stream, actor: actor, cause: caller.requestID))
        }
        try await append(records)
    }

    /// Closes an account for ever, after it has left its rooms and turned its invitations down.
    package func deactivate(_ user: UserID, erase: Bool, rooms: RoomCommands, caller: Caller) async throws {
        guard let row = try accounts.account(user) else { throw Rejection.notFound("There is no account \(user).") }
        if row.isDeactivated, !erase { return }
        let leaver = Caller(userID: user, deviceID: nil, requestID: caller.requestID)
        for room in try rooms.openRooms(of: user) {
            do {
                try await rooms.leave(room: room, extra: [:], caller: leaver, isForGood: true)
            } catch is Rejection {
                // A room that refuses even this keeps a member who can never come back.
                continue
            }
        }
        try await append(
            AccountDeactivated(userID: user.rawValue, erase: erase), of: user, caller: caller)
    }
}

extension RoomCommands {
    /// The rooms a user is in, is invited to or knocks on.
    func openRooms(of user: UserID) throws -> [RoomID] {
        try rooms.rooms(of: user) { [.join, .invite, .knock].contains($0.membership) }
    }
}
