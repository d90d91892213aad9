import CanonicalJSON
package import EventLog
package import KeyValueStore
package import PushRules
package import ReadModel

/// Puts push rules together from their changes.
extension StoreReader where Self: ~Copyable {
    /// The record before `position` that made a user's push rules what they are there; 0 when they are the default ones.
    package func pushRulesVersion(
        _ tables: ViewTables, of user: UserNum, before position: LogPosition
    ) throws -> LogPosition {
        var found = LogPosition(rawValue: 0)
        let end = ViewKeys.pushRule(user, position)
        try forEach(
            tables.pushRules, from: ViewKeys.user(user), to: end, prefix: ViewKeys.user(user), reversed: true, limit: 1
        ) { key, _ in
            var input = ByteReader(key)
            _ = try input.readUser()
            found = try input.readPosition()
            return false
        }
        return found
    }

    /// The last record that changed anybody's push rules; 0 when none did.
    package func lastPushRuleChange(_ tables: ViewTables) throws -> LogPosition {
        guard let value = try get(tables.pushRules, ViewKeys.lastPushRuleChange) else {
            return LogPosition(rawValue: 0)
        }
        var input = ByteReader(value)
        return try input.readPosition()
    }

    /// A user's push rules as they stood before `position`.
    package func pushRules(
        _ tables: ViewTables, of user: UserNum, before position: LogPosition
    ) throws -> PushRuleset {
        var changes: [PushRuleChange] = []
        var rules = PushRuleset()
        let end = ViewKeys.pushRule(user, position)
        try forEach(
            tables.pushRules, from: ViewKeys.user(user), to: end, prefix: ViewKeys.user(user), reversed: true
        ) { _, value in
            let row = try PushRuleRow(reading: value)
            guard let object = try JSONValue.parse(row.json, limits: .stored).objectValue else { return true }
            if row.isWhole {
                rules = PushRuleset(stored: object)
                return false
            }
            if let change = PushRuleChange(object) { changes.append(change) }
            return true
        }
        for change in changes.reversed() { rules.apply(change) }
        return rules
    }
}
