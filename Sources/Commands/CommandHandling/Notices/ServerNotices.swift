package import CanonicalJSON
import Decisions
import EventLog
package import MatrixIdentifiers
import Queries
import ReadModel

/// Tells users what the server has to tell them (server notices module).
///
/// "Servers should manage exactly 1 server notices room per user": it is the room of the user that the notices' user made.
package final class ServerNotices: Sendable {
    private let settings: ServerNoticeSettings
    private let rooms: RoomCommands
    private let accounts: AccountCommands
    private let turns = KeyedTurns()

    package init(settings: ServerNoticeSettings, rooms: RoomCommands, accounts: AccountCommands) {
        self.settings = settings
        self.rooms = rooms
        self.accounts = accounts
    }

    /// Sends an event to a user's room, which is made when there is none.
    ///
    /// - Parameters:
    ///   - transactionID: a repeated one of the same administrator gets the first one's event.
    ///   - caller: the administrator.
    package func send(
        to user: UserID, type: String, stateKey: String?, content: JSONObject, transactionID: String?, caller: Caller
    ) async throws -> EventID {
        guard let account = try accounts.accounts.account(user), !account.isDeactivated else {
            throw Rejection.notFound("There is no such user.")
        }
        let room = try await turns.run(user.rawValue) { [self] in
            try await prepareRoom(of: user, requestID: caller.requestID)
        }
        // Whose transaction it is stands where a device would.
        let sender = Caller(
            userID: settings.userID, deviceID: transactionID == nil ? nil : caller.userID.rawValue,
            requestID: caller.requestID)
        if let stateKey {
            return try await rooms.setState(
                room: room, type: type, stateKey: stateKey, content: content, transactionID: transactionID,
                caller: sender, companion: nil)
        }
        return try await rooms.send(
            room: room, type: type, content: content, transactionID: transactionID, caller: sender)
    }

    // MARK: The room

    private func prepareRoom(of user: UserID, requestID: String) async throws -> RoomID {
        let sender = Caller(userID: settings.userID, deviceID: nil, requestID: requestID)
        let member = Caller(userID: user, deviceID: nil, requestID: requestID)
        try await prepareSender(sender)
        let room: RoomID
        if let known = try knownRoom(of: user) {
            room = known
        } else {
            room = try await rooms.createRoom(roomBody, caller: sender)
        }
        let membership = try rooms.rooms.membership(room, user)?.membership
        if membership != .join, membership != .invite {
            // "Servers should invite the target user rather than automatically join them to the server notice room."
            try await rooms.invite(room: room, user: user, extra: [:], caller: sender, isNotice: true)
        }
        if membership != .join, settings.joinsAutomatically {
            _ = try await rooms.join(room: room, extra: [:], caller: member)
        }
        try await tag(room, of: member)
        return room
    }

    private func knownRoom(of user: UserID) throws -> RoomID? {
        for room in try rooms.rooms.rooms(of: user, where: { $0.membership != .none && $0.membership != .ban })
        where try rooms.isNoticeRoom(room) {
            if try rooms.rooms.membership(room, settings.userID)?.membership == .join { return room }
        }
        return nil
    }

    private var roomBody: JSONObject {
        var body: JSONObject = [
            "preset": "private_chat", "name": .string(settings.roomName),
            // Only the server speaks here.
            "power_level_content_override": ["users_default": -10],
        ]
        if let topic = settings.roomTopic { body["topic"] = .string(topic) }
        if let avatar = settings.roomAvatarURL {
            body["initial_state"] = [
                ["type": "m.room.avatar", "state_key": "", "content": ["url": .string(avatar)]]
            ]
        }
        return body
    }

    /// "Servers must identify this room to clients with the `m.server_notice` tag."
    private func tag(_ room: RoomID, of member: Caller) async throws {
        let stored = try accounts.accounts.accountData(member.userID, room: room, type: "m.tag")
        var tags = try stored.flatMap { try JSONValue.parse($0)["tags"]?.objectValue } ?? [:]
        if tags["m.server_notice"] != nil { return }
        tags["m.server_notice"] = [:]
        try await accounts.setAccountData(type: "m.tag", room: room, content: ["tags": .object(tags)], caller: member)
    }

    // MARK: The user who speaks

    private func prepareSender(_ sender: Caller) async throws {
        if try accounts.accounts.account(sender.userID) == nil {
            var account = NewAccount(userID: sender.userID)
            account.kind = .bot
            account.displayName = settings.displayName
            do {
                _ = try await accounts.register(account, cause: sender.requestID)
            } catch let rejection as Rejection where rejection.errcode == "M_USER_IN_USE" {
                // A notice to somebody else was first.
                _ = try accounts.accounts.account(sender.userID)
            }
        }
        let profile = [("displayname", settings.displayName), ("avatar_url", settings.avatarURL)]
        for (field, value) in profile {
            guard let value else { continue }
            _ = try await accounts.setProfileField(field, of: sender.userID, to: .string(value), caller: sender)
        }
    }
}
