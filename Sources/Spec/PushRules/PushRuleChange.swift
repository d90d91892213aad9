package import CanonicalJSON

/// One change of a user's push rules, as the log keeps it.
package struct PushRuleChange: Sendable, Hashable {
    package enum Step: Sendable, Hashable {
        /// Adds a rule, or gives one that exists other conditions and actions.
        case put(PushRule, before: String?, after: String?)
        case remove
        case setEnabled(Bool)
        case setActions([JSONValue])
    }

    package let kind: PushRuleKind
    package let ruleID: String
    package let step: Step

    package init(_ kind: PushRuleKind, _ ruleID: String, _ step: Step) {
        self.kind = kind
        self.ruleID = ruleID
        self.step = step
    }

    /// The form that is stored.
    package var json: JSONObject {
        var object: JSONObject = ["kind": .string(kind.rawValue), "rule_id": .string(ruleID)]
        switch step {
        case .put(let rule, let before, let after):
            object["change"] = "put"
            object["actions"] = .array(rule.actions)
            if kind.hasConditions { object["conditions"] = .array(rule.conditions) }
            if let pattern = rule.pattern { object["pattern"] = .string(pattern) }
            if let before { object["before"] = .string(before) }
            if let after { object["after"] = .string(after) }
        case .remove: object["change"] = "remove"
        case .setEnabled(let isEnabled):
            object["change"] = "enabled"
            object["enabled"] = .bool(isEnabled)
        case .setActions(let actions):
            object["change"] = "actions"
            object["actions"] = .array(actions)
        }
        return object
    }

    /// Reads what ``json`` wrote; nil when it is something else.
    package init?(_ object: JSONObject) {
        guard let kind = object["kind"]?.stringValue.flatMap(PushRuleKind.init(rawValue:)),
            let ruleID = object["rule_id"]?.stringValue
        else { return nil }
        let step: Step
        switch object["change"]?.stringValue {
        case "put":
            guard let actions = object["actions"]?.arrayValue else { return nil }
            let rule = PushRule(
                ruleID: ruleID, conditions: object["conditions"]?.arrayValue ?? [],
                pattern: object["pattern"]?.stringValue, actions: actions)
            step = .put(rule, before: object["before"]?.stringValue, after: object["after"]?.stringValue)
        case "remove": step = .remove
        case "enabled":
            guard let isEnabled = object["enabled"]?.boolValue else { return nil }
            step = .setEnabled(isEnabled)
        case "actions":
            guard let actions = object["actions"]?.arrayValue else { return nil }
            step = .setActions(actions)
        default: return nil
        }
        self.init(kind, ruleID, step)
    }
}
