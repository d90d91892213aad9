package import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
import Projections
package import PushRules
package import ReadModel

/// Users' push rules.
package struct PushRuleQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// The rules that a user has now.
    package func rules(of user: UserID) throws -> PushRuleset {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return PushRuleset() }
            return try snapshot.pushRules(of: number)
        }
    }

    /// The content of `m.push_rules`.
    package func content(of user: UserID) throws -> JSONObject { try rules(of: user).content(for: user.rawValue) }
}

extension Snapshot {
    /// The rules that a user has now.
    func pushRules(of user: UserNum) throws -> PushRuleset {
        try pushRules(tables, of: user, before: .newest)
    }

    /// Whether a user's rules changed in a range of records.
    func pushRulesChanged(of user: UserNum, after since: LogPosition, upTo: LogPosition) throws -> Bool {
        try pushRulesVersion(tables, of: user, before: upTo.next) > since
    }
}
