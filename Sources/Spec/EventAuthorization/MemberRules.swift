internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

extension AuthorizationInput {
    /// The rules for `m.room.member`.
    func checkMember() throws(AuthRejection) {
        let content = pdu.content
        // "If there is no `state_key` property, or no `membership` property in `content`, reject."
        guard let target = pdu.stateKey, content.contains("membership") else {
            throw reject(numbers.member("1"), "a member event must have a state key and a membership")
        }
        // v8: "If `content` has a `join_authorised_via_users_server` key: If the event is not validly signed by the
        // homeserver of the user ID denoted by the key, reject." A key that denotes no user ID has no homeserver.
        if version.restrictedJoin, let authoriser = content["join_authorised_via_users_server"] {
            guard isSignedByAuthoriser, authoriser.stringValue.flatMap({ UserID($0) }) != nil else {
                throw reject(numbers.member("2.1"), "the authorising user's server did not sign the event")
            }
        }
        switch Membership(content: content) {
        case .join: try checkJoin(of: target)
        case .invite: try checkInvite(of: target)
        case .leave: try checkLeave(of: target)
        case .ban: try checkBan(of: target)
        case .knock where version.knock: try checkKnock(of: target)
        // "Otherwise, the membership is unknown. Reject."
        case .knock, nil: throw reject(numbers.member(.unknown), "the membership is not known")
        }
    }

    /// "If `membership` is `join`:"
    private func checkJoin(of target: String) throws(AuthRejection) {
        // "If the only previous event is an `m.room.create` and the `state_key` is the sender of the `m.room.create`,
        // allow." Until v10: "and the `state_key` is the creator".
        if followsCreateOnly, isCreator(target) { return }
        // "If the `sender` does not match `state_key`, reject."
        guard target.hasSameBytes(as: pdu.sender.rawValue) else {
            throw reject(numbers.member(.join, "2"), "nobody can join for another user")
        }
        let current = membership(of: target)
        // "If the `sender` is banned, reject."
        if current == .ban { throw reject(numbers.member(.join, "3"), "the sender is banned") }
        let isInvitedOrJoined = current == .invite || current == .join
        switch joinRule {
        // "If the `join_rule` is `invite` or `knock` then allow if membership state is `invite` or `join`."
        case .invite where isInvitedOrJoined: return
        case .knock where version.knock && isInvitedOrJoined: return
        // v8: "If the `join_rule` is `restricted` or `knock_restricted`:", the latter from v10 on.
        case .restricted where version.restrictedJoin: try checkRestrictedJoin(isInvitedOrJoined: isInvitedOrJoined)
        case .knockRestricted where version.knockRestricted:
            try checkRestrictedJoin(isInvitedOrJoined: isInvitedOrJoined)
        // "If the `join_rule` is `public`, allow."
        case .public: return
        // "Otherwise, reject."
        default: throw reject(numbers.joinOtherwise, "the join rule does not let the sender join")
        }
    }

    private func checkRestrictedJoin(isInvitedOrJoined: Bool) throws(AuthRejection) {
        // "If membership state is `join` or `invite`, allow."
        if isInvitedOrJoined { return }
        // "If the `join_authorised_via_users_server` key in `content` is not a user with sufficient permission to invite
        // other users or is not a joined member of the room, reject."
        guard let name = pdu.content["join_authorised_via_users_server"]?.stringValue, let authoriser = UserID(name),
            membership(of: name) == .join, levels.level(of: authoriser) >= levels.invite
        else {
            throw reject(numbers.member(.join, "5.2"), "no member who may invite others authorised the join")
        }
        // "Otherwise, allow."
    }

    /// "If `membership` is `invite`:"
    private func checkInvite(of target: String) throws(AuthRejection) {
        // "If `content` has a `third_party_invite` property:"
        if let invite = pdu.content["third_party_invite"] {
            try checkThirdPartyInvite(invite, of: target)
            return
        }
        // "If the `sender`'s current membership state is not `join`, reject."
        guard membership(of: pdu.sender.rawValue) == .join else {
            throw reject(numbers.member(.invite, "2"), "the sender is not in the room")
        }
        // "If *target user*'s current membership state is `join` or `ban`, reject."
        let current = membership(of: target)
        if current == .join || current == .ban {
            throw reject(numbers.member(.invite, "3"), "the user is in the room already or is banned")
        }
        // "If the `sender`'s power level is greater than or equal to the *invite level*, allow. Otherwise, reject."
        guard senderLevel >= levels.invite else {
            throw reject(numbers.member(.invite, "5"), "the sender's power level is below the invite level")
        }
    }

    /// "If `membership` is `leave`:"
    private func checkLeave(of target: String) throws(AuthRejection) {
        let senderMembership = membership(of: pdu.sender.rawValue)
        // "If the `sender` matches `state_key`, allow if and only if that user's current membership state is `invite`,
        // `join`, or `knock`." The last from v7 on.
        if target.hasSameBytes(as: pdu.sender.rawValue) {
            switch senderMembership {
            case .invite, .join: return
            case .knock where version.knock: return
            default: throw reject(numbers.member(.leave, "1"), "the sender is neither in the room nor invited")
            }
        }
        // "If the `sender`'s current membership state is not `join`, reject."
        guard senderMembership == .join else {
            throw reject(numbers.member(.leave, "2"), "the sender is not in the room")
        }
        // "If the *target user*'s current membership state is `ban`, and the `sender`'s power level is less than the *ban
        // level*, reject."
        let senderLevel = senderLevel
        if membership(of: target) == .ban, senderLevel < levels.ban {
            throw reject(numbers.member(.leave, "3"), "the sender's power level is below the ban level")
        }
        // "If the `sender`'s power level is greater than or equal to the *kick level*, and the *target user*'s power level
        // is less than the `sender`'s power level, allow. Otherwise, reject."
        guard senderLevel >= levels.kick, level(ofTarget: target) < senderLevel else {
            throw reject(numbers.member(.leave, "5"), "the sender's power level does not suffice to remove the user")
        }
    }

    /// "If `membership` is `ban`:"
    private func checkBan(of target: String) throws(AuthRejection) {
        // "If the `sender`'s current membership state is not `join`, reject."
        guard membership(of: pdu.sender.rawValue) == .join else {
            throw reject(numbers.member(.ban, "1"), "the sender is not in the room")
        }
        // "If the `sender`'s power level is greater than or equal to the *ban level*, and the *target user*'s power level is
        // less than the `sender`'s power level, allow. Otherwise, reject."
        let senderLevel = senderLevel
        guard senderLevel >= levels.ban, level(ofTarget: target) < senderLevel else {
            throw reject(numbers.member(.ban, "3"), "the sender's power level does not suffice to ban the user")
        }
    }

    /// v7: "If `membership` is `knock`:"
    private func checkKnock(of target: String) throws(AuthRejection) {
        // "If the `join_rule` is anything other than `knock` or `knock_restricted`, reject." The latter from v10 on.
        let rule = joinRule
        guard rule == .knock || (rule == .knockRestricted && version.knockRestricted) else {
            throw reject(numbers.member(.knock, "1"), "the join rule does not allow knocking")
        }
        // "If `sender` does not match `state_key`, reject."
        guard target.hasSameBytes(as: pdu.sender.rawValue) else {
            throw reject(numbers.member(.knock, "2"), "nobody can knock for another user")
        }
        // "If the `sender`'s current membership is not `ban`, `invite`, or `join`, allow. Otherwise, reject."
        switch membership(of: target) {
        case .ban, .invite, .join:
            throw reject(numbers.member(.knock, "4"), "the sender is banned, invited or in the room")
        case .knock, .leave, nil: return
        }
    }

    /// The join rule of the state; a room without one is joined by invitation.
    private var joinRule: JoinRule? {
        guard let event = state.authEvent(type: "m.room.join_rules", stateKey: "") else { return .invite }
        return JoinRule(content: event.content)
    }

    /// A state key that is no user ID has the level of a user who is not named.
    private func level(ofTarget target: String) -> Int64 {
        UserID(target).map { levels.level(of: $0) } ?? levels.usersDefault
    }

    /// Whether the only previous event is the create event.
    private var followsCreateOnly: Bool {
        guard pdu.prevEvents.count == 1, let previous = pdu.prevEvents.first else { return false }
        if let createEventID { return previous == createEventID }
        // The create event's ID is not known. Where it must be an auth event, one that stands alone is it.
        return !version.createNotInAuthEvents && pdu.authEvents == pdu.prevEvents
    }

    /// Whether the user is "the sender of the `m.room.create`", until v10 the `creator` that its content names.
    private func isCreator(_ userID: String) -> Bool {
        if version.createWithoutCreator { return userID.hasSameBytes(as: create.sender.rawValue) }
        return create.content["creator"]?.stringValue?.hasSameBytes(as: userID) ?? false
    }
}
