/// A membership as one byte of a row.
package enum StoredMembership: UInt8, Sendable, Hashable, CaseIterable {
    /// Never a member of any kind.
    case none = 0
    case join = 1
    case invite = 2
    case leave = 3
    case ban = 4
    case knock = 5

    /// Reads the `membership` of an `m.room.member` event's content; nil when it is none that the specification knows.
    package init?(text: String) {
        switch text {
        case "join": self = .join
        case "invite": self = .invite
        case "leave": self = .leave
        case "ban": self = .ban
        case "knock": self = .knock
        default: return nil
        }
    }

    /// As the specification spells it; `leave` for one who never was a member.
    package var text: String {
        switch self {
        case .none, .leave: "leave"
        case .join: "join"
        case .invite: "invite"
        case .ban: "ban"
        case .knock: "knock"
        }
    }
}
