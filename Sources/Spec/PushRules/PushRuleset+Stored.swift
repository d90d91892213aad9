package import CanonicalJSON

/// What a user made of the default rules, as tables keep it: a later version of the default rules then shines through.
extension PushRuleset {
    /// Own rules in full, and of default rules what is not as it was.
    package var stored: JSONObject {
        var object = JSONObject()
        for kind in PushRuleKind.allCases {
            let defaults = DefaultPushRules.rules(of: kind)
            let kept = rules(kind).compactMap { rule -> JSONValue? in
                if rule.isDefault { return Self.difference(rule, defaults).map(JSONValue.object) }
                return .object(rule.json(kind, for: ""))
            }
            if !kept.isEmpty { object[kind.rawValue] = .array(kept) }
        }
        return object
    }

    private static func difference(_ rule: PushRule, _ defaults: [PushRule]) -> JSONObject? {
        guard let original = defaults.first(where: { $0.ruleID == rule.ruleID }), original != rule else { return nil }
        var object: JSONObject = ["rule_id": .string(rule.ruleID), "default": true, "enabled": .bool(rule.isEnabled)]
        if rule.actions != original.actions { object["actions"] = .array(rule.actions) }
        return object
    }

    /// Reads what ``stored`` wrote.
    package init(stored: JSONObject) {
        self.init()
        for kind in PushRuleKind.allCases {
            // The first is the most important, and a rule that is put goes to the front.
            for value in (stored[kind.rawValue]?.arrayValue ?? []).reversed() {
                guard let ruleID = value["rule_id"]?.stringValue else { continue }
                let actions = value["actions"]?.arrayValue
                if value["default"]?.boolValue == true {
                    if let actions { apply(PushRuleChange(kind, ruleID, .setActions(actions))) }
                } else {
                    let rule = PushRule(
                        ruleID: ruleID, conditions: value["conditions"]?.arrayValue ?? [],
                        pattern: value["pattern"]?.stringValue, actions: actions ?? [])
                    apply(PushRuleChange(kind, ruleID, .put(rule, before: nil, after: nil)))
                }
                apply(PushRuleChange(kind, ruleID, .setEnabled(value["enabled"]?.boolValue ?? true)))
            }
        }
    }
}
