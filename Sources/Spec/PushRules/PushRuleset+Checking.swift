package import CanonicalJSON

/// What a client may change.
extension PushRuleset {
    /// Reads and judges the body of a request that puts a rule.
    package func put(
        _ kind: PushRuleKind, _ ruleID: String, body: JSONObject, before: String?, after: String?
    ) throws(PushRuleProblem) -> PushRuleChange {
        // "If the string starts with a dot ("."), the request MUST be rejected as this is reserved for server-default rules.
        // Slashes ("/") and backslashes ("\\") are also not allowed."
        if ruleID.utf8.first == UInt8(ascii: ".") {
            throw .badID("The IDs of rules that begin with a dot are reserved.")
        }
        if ruleID.utf8.contains(UInt8(ascii: "/")) || ruleID.utf8.contains(UInt8(ascii: "\\")) {
            throw .badID("The ID of a rule must have no slashes.")
        }
        if ruleID.isEmpty || ruleID.utf8.count > PushRuleLimits.longestID {
            throw .badID("The ID of a rule must have 1 to \(PushRuleLimits.longestID) bytes.")
        }
        // "It is not possible to add a rule relative to a predefined server rule."
        for neighbour in [before, after].compactMap({ $0 }) where self.rule(kind, neighbour)?.isDefault != false {
            throw .unknownNeighbour(neighbour)
        }
        guard body.canonicalBytes().count <= PushRuleLimits.largestRule else {
            throw .invalid("A rule may have at most \(PushRuleLimits.largestRule) bytes.")
        }
        var rule = PushRule(ruleID: ruleID, actions: try Self.actions(body["actions"]))
        // "Only applicable to `underride` and `override` rules": of others they are read, and forgotten.
        let conditions = try Self.conditions(body["conditions"])
        if kind.hasConditions { rule.conditions = conditions }
        if let value = body["pattern"], !value.isNull {
            let pattern = try Self.pattern(value)
            if kind == .content { rule.pattern = pattern }
        } else if kind == .content {
            throw .missing("pattern")
        }
        if self.rule(kind, ruleID) == nil, ownCount >= PushRuleLimits.mostRules { throw .tooMany }
        return PushRuleChange(kind, ruleID, .put(rule, before: before, after: after))
    }

    package func remove(_ kind: PushRuleKind, _ ruleID: String) throws(PushRuleProblem) -> PushRuleChange {
        guard let rule = rule(kind, ruleID) else { throw .unknownRule }
        if rule.isDefault { throw .isDefault }
        return PushRuleChange(kind, ruleID, .remove)
    }

    package func setEnabled(
        _ kind: PushRuleKind, _ ruleID: String, body: JSONObject
    ) throws(PushRuleProblem) -> PushRuleChange {
        guard rule(kind, ruleID) != nil else { throw .unknownRule }
        guard let value = body["enabled"], !value.isNull else { throw .missing("enabled") }
        guard let isEnabled = value.boolValue else { throw .invalid("enabled must be true or false.") }
        return PushRuleChange(kind, ruleID, .setEnabled(isEnabled))
    }

    package func setActions(
        _ kind: PushRuleKind, _ ruleID: String, body: JSONObject
    ) throws(PushRuleProblem) -> PushRuleChange {
        guard rule(kind, ruleID) != nil else { throw .unknownRule }
        return PushRuleChange(kind, ruleID, .setActions(try Self.actions(body["actions"])))
    }

    // MARK: Members

    private static func actions(_ value: JSONValue?) throws(PushRuleProblem) -> [JSONValue] {
        guard let value, !value.isNull else { throw .missing("actions") }
        guard let actions = value.arrayValue, actions.count <= PushRuleLimits.mostActions else {
            throw .invalid("actions must be an array of at most \(PushRuleLimits.mostActions) actions.")
        }
        for action in actions {
            switch action {
            // "Clients and homeservers MUST ignore these actions": the last two are no actions any more, and no error.
            case .string(let name) where ["notify", "dont_notify", "coalesce"].contains(name): continue
            case .object(let tweak) where tweak["set_tweak"]?.stringValue != nil: continue
            default: throw .invalid("\(action) is no action.")
            }
        }
        return try canonical(actions, "actions")
    }

    private static func conditions(_ value: JSONValue?) throws(PushRuleProblem) -> [JSONValue] {
        guard let value, !value.isNull else { return [] }
        guard let conditions = value.arrayValue, conditions.count <= PushRuleLimits.mostConditions else {
            throw .invalid("conditions must be an array of at most \(PushRuleLimits.mostConditions) conditions.")
        }
        for condition in conditions {
            guard condition["kind"]?.stringValue != nil else { throw .invalid("A condition needs a kind.") }
            for name in ["key", "is", "pattern"]
            where condition[name].map({ $0.stringValue == nil && !$0.isNull }) ?? false {
                throw .invalid("\(name) of a condition must be a string.")
            }
            if let pattern = condition["pattern"], !pattern.isNull { _ = try Self.pattern(pattern) }
            // "the value […] Must be one of string, integer, boolean, or null".
            switch condition["value"] {
            case .array, .object, .double: throw .invalid("value of a condition must be a string, a number or a flag.")
            default: break
            }
        }
        return try canonical(conditions, "conditions")
    }

    private static func pattern(_ value: JSONValue) throws(PushRuleProblem) -> String {
        guard let pattern = value.stringValue else { throw .invalid("pattern must be a string.") }
        guard pattern.utf8.count <= PushRuleLimits.longestPattern else {
            throw .invalid("pattern may have at most \(PushRuleLimits.longestPattern) bytes.")
        }
        return pattern
    }

    /// The log stores canonical JSON only.
    private static func canonical(_ values: [JSONValue], _ name: String) throws(PushRuleProblem) -> [JSONValue] {
        guard values.allSatisfy(\.hasOnlyCanonicalNumbers) else {
            throw .invalid("Numbers in \(name) must be integers in the range ±(2^53 - 1).")
        }
        return values
    }
}
