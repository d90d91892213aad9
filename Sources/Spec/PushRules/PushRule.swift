package import CanonicalJSON

/// One push rule of a user: when it applies, and what it then does.
package struct PushRule: Sendable, Hashable {
    package let ruleID: String
    /// Whether the server defines it: such a rule can be switched off and given other actions, not removed.
    package let isDefault: Bool
    package var isEnabled: Bool
    /// As the client sent them; only of kinds that have conditions.
    package var conditions: [JSONValue]
    /// Only of content rules.
    package var pattern: String?
    /// As the client sent them, with those that mean nothing any more.
    package var actions: [JSONValue]

    package init(
        ruleID: String,
        isDefault: Bool = false,
        isEnabled: Bool = true,
        conditions: [JSONValue] = [],
        pattern: String? = nil,
        actions: [JSONValue]
    ) {
        self.ruleID = ruleID
        self.isDefault = isDefault
        self.isEnabled = isEnabled
        self.conditions = conditions
        self.pattern = pattern
        self.actions = actions
    }

    /// The rule as clients see it.
    ///
    /// - Parameter userID: whose rule it is; some default rules name their user.
    package func json(_ kind: PushRuleKind, for userID: String) -> JSONObject {
        var object: JSONObject = [
            "rule_id": .string(ruleID), "default": .bool(isDefault), "enabled": .bool(isEnabled),
            "actions": .array(actions),
        ]
        if kind.hasConditions {
            object["conditions"] = .array(
                isDefault ? conditions.map { DefaultPushRules.naming(userID, in: $0) } : conditions)
        }
        if let pattern { object["pattern"] = .string(pattern) }
        return object
    }
}
