package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import Queries
import ReadModel
package import RoomVersions

extension RoomCommands {
    /// Joins a room; joining again changes nothing.
    ///
    /// - Parameter extra: the body: `reason`, `third_party_signed`.
    package func join(room: RoomID, extra: JSONObject, caller: Caller) async throws -> RoomID {
        guard try rooms.head(room) != nil else {
            throw Rejection.notFound("This server knows no such room.")
        }
        var content = try memberProfile(of: caller.userID)
        // What else the body has goes into the event, as into one set through /state: a name for this room only, say.
        for (name, value) in extra where !value.isNull && !Self.reservedJoinMembers.contains(name) {
            content[name] = value
        }
        content["membership"] = "join"
        if let signed = extra["third_party_signed"]?.objectValue {
            content["third_party_invite"] = ["signed": .object(signed)]
        }
        let user = caller.userID
        let isGuest = caller.isGuest
        let draft = memberDraft(content, of: user, by: user)
        let decider = decider
        if isGuest { try requireOpenToGuests(room) }
        let candidates = try authorisingUsers(of: room, joining: user)
        _ = try await inLane(room, caller: caller) { head in
            let current = try head.held("m.room.member", user.rawValue)
            let membership = current?.pdu.content["membership"]?.stringValue
            if let current, membership == "join" { return RoomLane.Outcome(facts: [], eventID: current.eventID) }
            if isGuest { try Self.requireOpenToGuests(&head) }
            var draft = draft
            if membership != "invite" {
                try Self.authorise(&draft, from: candidates, on: &head)
            }
            let (held, fact) = try decider.decide(draft, on: &head)
            return RoomLane.Outcome(facts: [fact], eventID: held.eventID)
        }
        try await carrySettings(ofJoining: user, to: room, caller: caller)
        return room
    }

    /// Asks to be let into a room with a `knock` join rule.
    package func knock(room: RoomID, reason: String?, caller: Caller) async throws -> RoomID {
        guard try rooms.head(room) != nil else {
            throw Rejection.notFound("This server knows no such room.")
        }
        var content = try memberProfile(of: caller.userID)
        content["membership"] = "knock"
        if let reason { content["reason"] = .string(reason) }
        _ = try await changeMembership(content, of: caller.userID, in: room, caller: caller) { _ in }
        return room
    }

    /// Invites a local user.
    ///
    /// - Parameter isNotice: the server itself has to tell the user something, which they cannot refuse.
    package func invite(
        room: RoomID, user: UserID, extra: JSONObject, caller: Caller, isNotice: Bool = false
    ) async throws {
        guard user.serverName == environment.serverName else {
            throw Rejection.forbidden("\(user) is on another server, and this server does not federate.")
        }
        if !isNotice { try requireInvitable(user) }
        var content = try memberProfile(of: user)
        content["membership"] = "invite"
        if let reason = extra["reason"], reason.stringValue != nil { content["reason"] = reason }
        if let direct = extra["is_direct"], direct.boolValue != nil { content["is_direct"] = direct }
        _ = try await changeMembership(content, of: user, in: room, caller: caller) { current in
            // An invitation to somebody who is in the room would put them out of it.
            if current == "join" { throw Rejection.forbidden("\(user) is already in the room.") }
        }
    }

    /// The version of a room, and the content of an invitation of a user of another server to it.
    package func remoteInvitation(
        of user: UserID, to room: RoomID, extra: JSONObject
    ) throws -> (version: RoomVersion, content: JSONObject) {
        guard let version = try rooms.head(room).flatMap({ RoomVersion.named($0.roomVersion) }) else {
            throw Rejection.forbidden("You are not in this room, or it does not exist.")
        }
        if try rooms.membership(room, user)?.membership == .join {
            throw Rejection.forbidden("\(user) is already in the room.")
        }
        var content: JSONObject = ["membership": "invite"]
        if let reason = extra["reason"], reason.stringValue != nil { content["reason"] = reason }
        if let direct = extra["is_direct"], direct.boolValue != nil { content["is_direct"] = direct }
        return (version, content)
    }

    /// "Attempting to reject the invite must result in a `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM` error. Servers should not prevent
    /// the user leaving the room after joining".
    func requireLeavable(_ room: RoomID, _ user: UserID) throws {
        guard noticesUser != nil, try rooms.membership(room, user)?.membership == .invite, try isNoticeRoom(room)
        else { return }
        throw Rejection(
            403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", "An invitation to the server's notices cannot be turned down.")
    }

    /// Whether a room was made for server notices.
    func isNoticeRoom(_ room: RoomID) throws -> Bool {
        guard let noticesUser else { return false }
        return try rooms.currentState(room, type: "m.room.create", stateKey: "")?.sender == noticesUser
    }

    /// "the user's homeserver MUST respond […] with an HTTP 403 status code, with the Matrix error code `M_INVITE_BLOCKED`"
    func requireInvitable(_ user: UserID) throws {
        if user.isOn(environment.serverName), try accounts.blocksInvites(user) {
            throw Rejection(403, "M_INVITE_BLOCKED", "\(user) does not want to be invited.")
        }
    }

    /// Leaves a room, turns an invitation down or takes a knock back.
    ///
    /// - Parameter isForGood: the account ends, so that nobody is left whom the server could tell anything.
    package func leave(room: RoomID, extra: JSONObject, caller: Caller, isForGood: Bool = false) async throws {
        if !isForGood { try requireLeavable(room, caller.userID) }
        var content: JSONObject = ["membership": "leave"]
        if let reason = extra["reason"], reason.stringValue != nil { content["reason"] = reason }
        _ = try await changeMembership(content, of: caller.userID, in: room, caller: caller) { current in
            guard current != nil, current != "ban" else { throw Rejection.forbidden("You are not in this room.") }
        }
    }

    /// Puts a user out of the room, or takes their invitation or knock back.
    package func kick(room: RoomID, user: UserID, reason: String?, caller: Caller) async throws {
        // Who kicks themselves leaves.
        if user == caller.userID { try requireLeavable(room, user) }
        let content = Self.moderation("leave", reason: reason)
        _ = try await changeMembership(content, of: user, in: room, caller: caller) { current in
            // "The target user_id is … not in the room": a ban is lifted by /unban only.
            guard current == "join" || current == "invite" || current == "knock" else {
                throw Rejection.forbidden("\(user) is not in the room.")
            }
        }
    }

    package func ban(room: RoomID, user: UserID, reason: String?, caller: Caller) async throws {
        let content = Self.moderation("ban", reason: reason)
        _ = try await changeMembership(content, of: user, in: room, caller: caller) { _ in }
    }

    package func unban(room: RoomID, user: UserID, reason: String?, caller: Caller) async throws {
        let content = Self.moderation("leave", reason: reason)
        _ = try await changeMembership(content, of: user, in: room, caller: caller) { current in
            guard current == "ban" else { throw Rejection.forbidden("\(user) is not banned from the room.") }
        }
    }

    /// "This API stops a user remembering about a particular room."
    package func forget(room: RoomID, caller: Caller) async throws {
        guard let row = try rooms.membership(room, caller.userID) else {
            throw Rejection.notFound("You have never been in this room.")
        }
        guard row.membership == .leave || row.membership == .ban else {
            throw Rejection.unknown("You must leave the room before you can forget it.")
        }
        let fact = RoomForgotten(userID: caller.userID.rawValue, roomID: room.rawValue)
        try await appendUserFact(fact, caller: caller)
    }

    /// Sends the user's present profile to every room they are in. Rooms that refuse it keep the old one.
    package func setProfileInRooms(user: UserID, caller: Caller) async throws {
        let profile = try memberProfile(of: user)
        for room in try rooms.joinedRooms(user) {
            let decider = decider
            let now = environment.nowMs()
            do {
                _ = try await inLane(room, caller: caller) { head in
                    guard let current = try head.held("m.room.member", user.rawValue),
                        current.pdu.content["membership"]?.stringValue == "join"
                    else { throw Rejection.forbidden("The user left the room.") }
                    var content = current.pdu.content
                    for name in ["displayname", "avatar_url"] { content[name] = profile[name] }
                    // It authorised the join, not this change.
                    content.removeValue(forKey: "join_authorised_via_users_server")
                    if content == current.pdu.content { return RoomLane.Outcome(facts: [], eventID: current.eventID) }
                    let draft = EventDraft(
                        type: "m.room.member", stateKey: user.rawValue, content: content, sender: user,
                        originServerTS: now)
                    let (held, fact) = try decider.decide(draft, on: &head)
                    return RoomLane.Outcome(facts: [fact], eventID: held.eventID)
                }
            } catch is Rejection {
                continue
            }
        }
    }

    // MARK: Shared

    /// Members of a join that only the server sets.
    private static let reservedJoinMembers: Set<String> = [
        "membership", "third_party_signed", "third_party_invite", "join_authorised_via_users_server",
    ]

    private static func moderation(_ membership: String, reason: String?) -> JSONObject {
        var content: JSONObject = ["membership": .string(membership)]
        if let reason { content["reason"] = .string(reason) }
        return content
    }

    private func memberDraft(_ content: JSONObject, of user: UserID, by sender: UserID) -> EventDraft {
        EventDraft(
            type: "m.room.member",
            stateKey: user.rawValue,
            content: content,
            sender: sender,
            originServerTS: environment.nowMs()
        )
    }

    /// Changes a membership after `check` has seen the current one (nil when the user never was in the room).
    private func changeMembership(
        _ content: JSONObject,
        of user: UserID,
        in room: RoomID,
        caller: Caller,
        check: @Sendable (String?) throws -> Void
    ) async throws -> EventID {
        let draft = memberDraft(content, of: user, by: caller.userID)
        let decider = decider
        return try await inLane(room, caller: caller) { head in
            let current = try head.held("m.room.member", user.rawValue)
            let membership = current?.pdu.content["membership"]?.stringValue
            try check(membership)
            if let current, current.pdu.content == draft.content, current.pdu.sender == draft.sender {
                return RoomLane.Outcome(facts: [], eventID: current.eventID)
            }
            if draft.content["membership"] == "leave", draft.sender == user, membership == "leave", let current {
                return RoomLane.Outcome(facts: [], eventID: current.eventID)
            }
            let (held, fact) = try decider.decide(draft, on: &head)
            return RoomLane.Outcome(facts: [fact], eventID: held.eventID)
        }
    }

    /// The content of a membership event that a client sets through `/state`: checked, and with the profile of a join.
    func membershipContent(
        from content: JSONObject,
        stateKey: String,
        room: RoomID,
        caller: Caller
    ) async throws -> JSONObject {
        guard UserID(stateKey) != nil else { throw Rejection.invalidParam("The state key must be a user ID.") }
        guard let membership = content["membership"]?.stringValue else {
            throw Rejection.badJSON("membership must be a string.")
        }
        guard Membership(rawValue: membership) != nil else {
            throw Rejection.badJSON("membership must be join, invite, leave, ban or knock.")
        }
        if membership == "invite", let user = UserID(stateKey) {
            // "a request to that homeserver to have the event signed and verified must be made": `/invite` makes it.
            guard user.isOn(environment.serverName) else {
                throw Rejection.forbidden("\(user) is on another server: use /invite, which asks that server.")
            }
            try requireInvitable(user)
        }
        guard membership == "join", stateKey == caller.userID.rawValue else { return content }
        var content = content
        for (name, value) in try memberProfile(of: caller.userID) where content[name] == nil { content[name] = value }
        return content
    }

    // MARK: Restricted rooms

    /// Joined local users who might vouch for a restricted join, when the joining user meets one of its conditions.
    private func authorisingUsers(of room: RoomID, joining user: UserID) throws -> [UserID] {
        guard let version = try rooms.head(room).flatMap({ RoomVersion.named($0.roomVersion) }),
            let rules = try rooms.currentState(room, type: "m.room.join_rules", stateKey: ""),
            let allowed = AllowedRooms(content: try rules.content(), version: version),
            // "m.room_membership: the user must be joined to the room that room_id names."
            try allowed.rooms.contains(where: { try rooms.membership($0, user)?.membership == .join })
        else { return [] }
        return try rooms.joinedMembers(room).filter { $0.serverName == environment.serverName }
    }

    /// Names a user with the power to invite as the one who lets the sender into a restricted room.
    private static func authorise(
        _ draft: inout EventDraft,
        from candidates: [UserID],
        on head: inout RoomHeadState
    ) throws {
        guard let rules = try head.held("m.room.join_rules", "")?.pdu.content,
            AllowedRooms(content: rules, version: head.version) != nil
        else { return }
        let levels = try head.powerLevels()
        guard let voucher = candidates.first(where: { levels.level(of: $0) >= levels.invite }) else {
            throw Rejection.forbidden("You are in none of the rooms whose members may join this room.")
        }
        draft.content["join_authorised_via_users_server"] = .string(voucher.rawValue)
    }
}
