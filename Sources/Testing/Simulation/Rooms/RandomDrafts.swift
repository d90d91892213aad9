internal import CanonicalJSON
internal import EventSigning
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions
internal import TestSupport

/// What users do in random rooms.
struct RandomDrafts {
    let version: RoomVersion
    let users: [String]
    var random: SeededRandom
    /// Makes contents differ.
    private var serial = 0

    init(version: RoomVersion, users: [String], random: SeededRandom) {
        self.version = version
        self.users = users
        self.random = random
    }

    /// Something a user may want to do in a state, allowed or not.
    mutating func next(in view: RoomView) throws -> EventMaker.Draft {
        serial += 1
        let joined = users.filter { view.membership(of: $0) == "join" }
        let strong = joined.filter { view.level(of: $0) >= 50 }
        let anyone = users[random.below(users.count)]
        let member = random.pick(joined) ?? anyone
        let moderator = random.oneIn(3) ? member : random.pick(strong) ?? member
        switch random.below(24) {
        case 0, 1: return membership("join", of: anyone)
        case 2: return membership("leave", of: member)
        case 3: return membership("invite", of: anyone, by: member)
        case 4, 5: return membership("ban", of: anyone, by: moderator)
        case 6: return membership("leave", of: anyone, by: moderator)
        case 7: return membership("knock", of: anyone)
        case 8: return authorisedJoin(of: anyone, by: moderator)
        case 9: return try thirdPartyInvite(of: anyone, by: moderator, in: view)
        case 10, 11, 12: return powerLevels(by: moderator, in: view)
        case 13: return EventMaker.Draft("m.room.join_rules", "", by: moderator, joinRules(randomJoinRule()))
        case 14: return EventMaker.Draft("m.room.join_rules", "", by: moderator, joinRules("public"))
        case 15, 16, 17:
            return EventMaker.Draft("m.room.topic", "", by: moderator, ["topic": .string("topic \(serial)")])
        case 18: return EventMaker.Draft("m.room.name", "", by: moderator, ["name": .string("name \(serial)")])
        case 19: return membership("join", of: member)
        case 20: return EventMaker.Draft("org.example.own", member, by: member, ["n": .integer(Int64(serial))])
        case 21: return unusual(by: moderator)
        case 22: return EventMaker.Draft("m.room.message", nil, by: member, ["body": "words"])
        default:
            let visibility: JSONObject = ["history_visibility": "shared"]
            return EventMaker.Draft("m.room.history_visibility", "", by: moderator, visibility)
        }
    }

    /// What is rare, but allowed.
    private mutating func unusual(by sender: String) -> EventMaker.Draft {
        switch random.below(5) {
        case 0: EventMaker.Draft("m.room.power_levels", "other", by: sender, ["users": [:]])
        case 1: EventMaker.Draft("m.room.join_rules", "other", by: sender, ["join_rule": "public"])
        case 2: EventMaker.Draft("m.room.aliases", "a.example", by: sender, ["aliases": []])
        case 3: EventMaker.Draft("m.room.topic", "\u{e9}", by: sender, ["topic": "composed"])
        default: EventMaker.Draft("m.room.topic", "e\u{301}", by: sender, ["topic": "decomposed"])
        }
    }

    // MARK: Members

    mutating func membership(_ membership: String, of user: String, by sender: String? = nil) -> EventMaker.Draft {
        var content: JSONObject = ["membership": .string(membership)]
        if membership == "join" { content["displayname"] = .string("name \(serial)") }
        return EventMaker.Draft("m.room.member", user, by: sender ?? user, content)
    }

    private mutating func authorisedJoin(of user: String, by authoriser: String) -> EventMaker.Draft {
        var draft = membership("join", of: user)
        draft.content["join_authorised_via_users_server"] = .string(authoriser)
        return draft
    }

    /// A third-party invite, or the invite that it is exchanged for.
    private mutating func thirdPartyInvite(
        of user: String, by sender: String, in view: RoomView
    ) throws -> EventMaker.Draft {
        let waiting = view.state.filter { $0.key.type == "m.room.third_party_invite" }.sorted { $0.key < $1.key }
        let key = try SigningKey(seed: [UInt8](repeating: 7, count: 32), keyID: "ed25519:0")
        guard let (entry, eventID) = random.pick(waiting), let inviter = view.events[eventID]?.sender.rawValue else {
            let keys: JSONObject = ["display_name": "someone", "public_key": .string(key.publicKeyBase64)]
            return EventMaker.Draft("m.room.third_party_invite", "token\(random.below(3))", by: sender, keys)
        }
        var signed: JSONObject = ["mxid": .string(user), "token": .string(entry.stateKey)]
        signed = try JSONSigner.sign(object: signed, name: "identity.example", key: key)
        var draft = membership("invite", of: user, by: inviter)
        draft.content["third_party_invite"] = .object(["display_name": "someone", "signed": .object(signed)])
        return draft
    }

    mutating func randomJoinRule() -> String {
        ["public", "invite", "knock", "restricted", "knock_restricted", "private"][random.below(6)]
    }

    func joinRules(_ rule: String) -> JSONObject { ["join_rule": .string(rule)] }

    // MARK: Power levels

    /// The current levels with one or two things changed: promotions, demotions, of oneself too, new bars.
    private mutating func powerLevels(by sender: String, in view: RoomView) -> EventMaker.Draft {
        var content = view.powerLevels ?? ["users": version.privilegedCreators ? [:] : [users[0]: 100]]
        for _ in 0...random.below(2) {
            switch random.below(8) {
            case 0:
                let property = ["ban", "kick", "invite", "redact", "state_default", "events_default", "users_default"]
                content[property[random.below(property.count)]] = levelValue()
            case 1:
                var events = content["events"]?.objectValue ?? [:]
                let type = ["m.room.topic", "m.room.power_levels", "m.room.join_rules", "m.room.name"]
                events[type[random.below(type.count)]] = random.oneIn(4) ? nil : levelValue()
                content["events"] = .object(events)
            case 2:
                content["notifications"] = ["room": levelValue()]
            default:
                var users = content["users"]?.objectValue ?? [:]
                let creators = view.infiniteCreators
                let user = random.oneIn(6) ? sender : self.users[random.below(self.users.count)]
                guard !creators.contains(user) || random.oneIn(12) else { continue }
                users[user] = random.oneIn(6) ? nil : levelValue()
                content["users"] = .object(users)
            }
        }
        return EventMaker.Draft("m.room.power_levels", "", by: sender, content)
    }

    private mutating func levelValue() -> JSONValue {
        let level = [0, 0, 25, 50, 50, 75, 99, 100, 100, -1][random.below(10)]
        if version.stringPowerLevels, random.oneIn(12) { return .string(" \(level)") }
        if version.floatPowerLevels, random.oneIn(16) { return .double(Double(level) + 0.5) }
        return .integer(Int64(level))
    }
}
