import CanonicalJSON
import EventLog
import KeyValueStore
import PushRules
import ReadModel

/// Finds out whom of many users one event notifies: each set of rules is asked once, and again only for users whom the event
/// names.
struct PushFanout {
    let snapshot: Snapshot
    let cache: PushRuleCache

    init(_ snapshot: Snapshot, cache: PushRuleCache) {
        self.snapshot = snapshot
        self.cache = cache
    }

    /// The users among `users` who are in the room at the event, or whom it invites.
    func concerned(_ row: EventRow, at position: LogPosition, among users: Set<UserNum>) throws -> [UserNum] {
        guard !users.isEmpty, let head = try snapshot.head(of: row.room) else { return [] }
        var found: [UserNum] = []
        func add(_ user: UserNum) throws {
            guard user != row.sender, let member = try snapshot.membership(of: user, in: row.room) else { return }
            let wasIn = member.joinedAt < position && (member.membership == .join || member.leftAt > position)
            let isInvited = member.membership == .invite && member.position == position
            if wasIn && !member.joinedAt.isNone || isInvited { found.append(user) }
        }
        if UInt64(users.count) < head.joinedCount / 4 {
            for user in users { try add(user) }
            return found.sorted()
        }
        try snapshot.forEachMember(of: row.room) { user, member in
            guard users.contains(user), user != row.sender else { return true }
            if member.membership == .join, member.position < position {
                found.append(user)
            } else {
                try add(user)
            }
            return true
        }
        return found
    }

    /// The users among those concerned whom the event notifies.
    func notified(_ row: EventRow, at position: LogPosition, among users: [UserNum]) throws -> [UserNum] {
        guard !users.isEmpty else { return [] }
        let rules = try cache.rules(snapshot, of: users, before: position)
        // Only a member event and one that mentions people treat users with default rules differently.
        let isPlain = row.flags.isDisjoint(with: .mentions) && row.membership == .none
        var notified: [UserNum] = []
        var judged: JudgedEvent?
        var named: Set<UserNum> = []
        var outcomes: [ObjectIdentifier: Bool] = [:]
        for (index, user) in users.enumerated() {
            let own = rules[index]
            if isPlain, own.isDefault {
                if row.flags.contains(.notifies) { notified.append(user) }
                continue
            }
            let event = try judged ?? JudgedEvent(snapshot, at: position, flags: row.flags)
            if judged == nil {
                judged = event
                named = try names(in: event)
            }
            let isNamed = named.contains(user)
            let isShared = !own.asksForName && !isNamed
            let key = ObjectIdentifier(own)
            if isShared, let known = outcomes[key] {
                if known { notified.append(user) }
                continue
            }
            let outcome = try event.outcome(
                own, owner: String(decoding: snapshot.text(user), as: UTF8.self), isNamed: isNamed)
            let notifies = outcome?.notifies ?? false
            if isShared { outcomes[key] = notifies }
            if notifies { notified.append(user) }
        }
        return notified
    }

    /// The users whom the event names: in `m.mentions`, or as the member that it is about.
    private func names(in judged: JudgedEvent) throws -> Set<UserNum> {
        guard let event = judged.event else { return [] }
        var names = event.mentionedUsers
        if let stateKey = event.object["state_key"]?.stringValue { names.append(stateKey) }
        return Set(try names.compactMap { try snapshot.user(snapshot.tables, $0) })
    }
}
