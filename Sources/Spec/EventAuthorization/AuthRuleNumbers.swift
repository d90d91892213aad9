internal import RoomVersions

/// Where each rule stands on the page of a room version.
///
/// The versions insert and remove rules, so that one rule has many numbers; a rejection names the one of its version.
struct AuthRuleNumbers {
    let version: RoomVersion

    let create = "1"
    /// v12: "If the event's `room_id` is not an event ID for an accepted […] `m.room.create` event".
    let roomID = "2"
    var authEvents: String { "\(2 + inserted)" }
    var federate: String { "\(3 + inserted)" }
    let aliases = "4"
    var member: String { "\(4 + inserted + aliasesRule)" }
    var senderJoined: String { "\(5 + inserted + aliasesRule)" }
    var thirdPartyInvite: String { "\(6 + inserted + aliasesRule)" }
    var requiredLevel: String { "\(7 + inserted + aliasesRule)" }
    var stateKey: String { "\(8 + inserted + aliasesRule)" }
    var powerLevels: String { "\(9 + inserted + aliasesRule)" }
    var redaction: String { "\(10 + inserted + aliasesRule)" }

    /// A rule below the one for `m.room.create`; v11 removed that on `creator`, v12 put another in its place.
    func create(_ rule: String) -> String { "\(create).\(rule)" }

    /// A rule below the one for `m.room.member` that is not about a single membership.
    func member(_ rule: String) -> String { "\(member).\(rule)" }

    /// A rule for one membership; nil for an unknown one.
    func member(_ membership: MembershipRule, _ rule: String? = nil) -> String {
        let restricted = version.restrictedJoin ? 1 : 0
        let number =
            switch membership {
            case .join: 2 + restricted
            case .invite: 3 + restricted
            case .leave: 4 + restricted
            case .ban: 5 + restricted
            case .knock: 6 + restricted
            case .unknown: 6 + restricted + (version.knock ? 1 : 0)
            }
        return rule.map { "\(member).\(number).\($0)" } ?? "\(member).\(number)"
    }

    /// The last rules for `join`, before which v8 put one for restricted rooms.
    var joinOtherwise: String { member(.join, version.restrictedJoin ? "7" : "6") }

    /// A rule below the one for `m.room.power_levels`, by its position in v12 without the rules that came with v10 and v12.
    func powerLevels(_ rule: PowerLevelsRule, _ part: String? = nil) -> String {
        let integers = version.integerPowerLevelsOnly ? 2 : 0
        let creators = version.privilegedCreators ? 1 : 0
        let number =
            switch rule {
            case .integers: 1
            case .integerTables: 2
            case .users: 1 + integers
            case .creators: 2 + integers
            case .properties: 3 + integers + creators
            case .eventsRemoved: 4 + integers + creators
            case .eventsAdded: 5 + integers + creators
            case .usersRemoved: 6 + integers + creators
            case .usersAdded: 7 + integers + creators
            }
        return part.map { "\(powerLevels).\(number).\($0)" } ?? "\(powerLevels).\(number)"
    }

    enum MembershipRule {
        case join
        case invite
        case leave
        case ban
        case knock
        case unknown
    }

    enum PowerLevelsRule {
        case integers
        case integerTables
        case users
        case creators
        case properties
        case eventsRemoved
        case eventsAdded
        case usersRemoved
        case usersAdded
    }

    private var inserted: Int { version.roomIDIsCreateHash ? 1 : 0 }
    private var aliasesRule: Int { version.aliasesSpecialAuth ? 1 : 0 }
}
