import CanonicalJSON
import EventLog
import KeyValueStore
import Projections
import PushRules
import ReadModel
import Synchronization

/// Users' push rules made ready to judge events. A version of somebody's rules never changes, so nothing in it can be wrong;
/// users with the same rules share them.
final class PushRuleCache: Sendable {
    private struct Version: Hashable {
        let user: UserNum
        /// The record that made it.
        let since: LogPosition
    }

    private struct Held {
        var byVersion: [Version: CompiledPushRules] = [:]
        var byContent: [JSONObject: CompiledPushRules] = [:]
        /// The newest version of users' rules that was made by `checked`, and since when it stands.
        var newest: [UserNum: (since: LogPosition, rules: CompiledPushRules)] = [:]
        var checked = LogPosition.none
    }

    private let held = Mutex(Held())
    private let capacity: Int

    init(capacity: Int = 65_536) {
        self.capacity = capacity
    }

    /// The rules of a user as they stood before `position`, and since when they stood.
    func rules(
        _ snapshot: Snapshot, of user: UserNum, before position: LogPosition
    ) throws -> (rules: CompiledPushRules, since: LogPosition) {
        let since = try snapshot.pushRulesVersion(snapshot.tables, of: user, before: position)
        return (try rules(snapshot, of: user, since: since, before: position), since)
    }

    /// The same for many users at once and an event that came just now.
    ///
    /// Nearly always nobody has changed a rule since the last time, which takes one look for all of them.
    func rules(
        _ snapshot: Snapshot, of users: [UserNum], before position: LogPosition
    ) throws -> [CompiledPushRules] {
        let lastChange = try snapshot.lastPushRuleChange(snapshot.tables)
        let known = held.withLock { held -> [CompiledPushRules?] in
            if lastChange > held.checked { held.newest = [:] }
            held.checked = max(held.checked, snapshot.newest)
            return users.map { user in
                guard let newest = held.newest[user], newest.since < position else { return nil }
                return newest.rules
            }
        }
        var found: [CompiledPushRules] = []
        found.reserveCapacity(users.count)
        var fresh: [UserNum: (since: LogPosition, rules: CompiledPushRules)] = [:]
        for (index, user) in users.enumerated() {
            if let rules = known[index] {
                found.append(rules)
                continue
            }
            let own = try rules(snapshot, of: user, before: position)
            found.append(own.rules)
            // What is older than the newest is not kept: whoever looks next has a later event.
            let newest = try snapshot.pushRulesVersion(snapshot.tables, of: user, before: .newest)
            if own.since == newest { fresh[user] = (newest, own.rules) }
        }
        if !fresh.isEmpty {
            held.withLock { held in
                // Somebody may have looked at a later snapshot meanwhile.
                guard held.checked == snapshot.newest else { return }
                if held.newest.count + fresh.count > capacity * 4 { held.newest = [:] }
                held.newest.merge(fresh) { _, new in new }
            }
        }
        return found
    }

    private func rules(
        _ snapshot: Snapshot, of user: UserNum, since: LogPosition, before position: LogPosition
    ) throws -> CompiledPushRules {
        if since.isNone { return .defaults }
        let version = Version(user: user, since: since)
        if let known = held.withLock({ $0.byVersion[version] }) { return known }
        let ruleset = try snapshot.pushRules(snapshot.tables, of: user, before: position)
        let content = ruleset.stored
        let shared = held.withLock { $0.byContent[content] }
        let compiled = shared ?? CompiledPushRules(ruleset)
        held.withLock { held in
            if held.byVersion.count >= capacity {
                held.byVersion = [:]
                held.byContent = [:]
            }
            held.byVersion[version] = compiled
            held.byContent[content] = compiled
        }
        return compiled
    }
}
