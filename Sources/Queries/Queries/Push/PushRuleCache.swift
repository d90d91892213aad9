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
        if since.isNone { return (.defaults, since) }
        let version = Version(user: user, since: since)
        if let known = held.withLock({ $0.byVersion[version] }) { return (known, since) }
        let ruleset = try snapshot.pushRules(snapshot.tables, of: user, before: position)
        let content = ruleset.stored
        let shared = held.withLock { $0.byContent[content] }
        let compiled = shared ?? CompiledPushRules(ruleset)
        held.withLock { held in
            if held.byVersion.count >= capacity { held = Held() }
            held.byVersion[version] = compiled
            held.byContent[content] = compiled
        }
        return (compiled, since)
    }
}
