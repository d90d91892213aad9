package import CanonicalJSON

/// All push rules of one user, in the order in which they are checked.
package struct PushRuleset: Sendable, Hashable {
    /// By kind, in the order of ``PushRuleKind/allCases``.
    private var lists: [[PushRule]]

    /// The rules of a user who never changed one.
    package init() {
        lists = PushRuleKind.allCases.map { DefaultPushRules.rules(of: $0) }
    }

    private static func place(of kind: PushRuleKind) -> Int {
        switch kind {
        case .override: 0
        case .content: 1
        case .room: 2
        case .sender: 3
        case .underride: 4
        }
    }

    package func rules(_ kind: PushRuleKind) -> [PushRule] { lists[Self.place(of: kind)] }

    package func rule(_ kind: PushRuleKind, _ ruleID: String) -> PushRule? {
        rules(kind).first { $0.ruleID.utf8.elementsEqual(ruleID.utf8) }
    }

    /// How many rules the user has defined.
    package var ownCount: Int { lists.reduce(0) { $0 + $1.count { !$0.isDefault } } }

    // MARK: Changing

    /// Makes a change; one that no longer fits (its rule is gone) leaves everything as it is.
    package mutating func apply(_ change: PushRuleChange) {
        let place = Self.place(of: change.kind)
        let index = lists[place].firstIndex { $0.ruleID.utf8.elementsEqual(change.ruleID.utf8) }
        switch change.step {
        case .put(let rule, let before, let after): put(rule, at: index, in: place, before: before, after: after)
        case .remove:
            if let index, !lists[place][index].isDefault { lists[place].remove(at: index) }
        case .setEnabled(let isEnabled):
            if let index { lists[place][index].isEnabled = isEnabled }
        case .setActions(let actions):
            if let index { lists[place][index].actions = actions }
        }
    }

    private mutating func put(
        _ rule: PushRule, at index: Int?, in place: Int, before: String?, after: String?
    ) {
        var rule = rule
        if let index {
            guard !lists[place][index].isDefault else { return }
            // A rule that was switched off stays so when it is changed.
            rule.isEnabled = lists[place][index].isEnabled
            if before == nil, after == nil {
                lists[place][index] = rule
                return
            }
            lists[place].remove(at: index)
        }
        lists[place].insert(rule, at: position(in: place, before: before, after: after))
    }

    /// "If both `after` and `before` are provided, the new or updated rule must be the next most important rule with respect
    /// to the rule identified by `before`. If neither […], it should be added as the most important user defined rule".
    private func position(in place: Int, before: String?, after: String?) -> Int {
        func index(of ruleID: String?) -> Int? {
            guard let ruleID else { return nil }
            return lists[place].firstIndex { !$0.isDefault && $0.ruleID.utf8.elementsEqual(ruleID.utf8) }
        }
        if let found = index(of: before) { return found }
        if let found = index(of: after) { return found + 1 }
        // Only `.m.rule.master` stands before the rules of users.
        return lists[place].firstIndex { !$0.ruleID.utf8.elementsEqual(DefaultPushRules.master.utf8) }
            ?? lists[place].count
    }

    // MARK: As JSON

    /// The content of `m.push_rules`.
    package func content(for userID: String) -> JSONObject { ["global": .object(global(for: userID))] }

    /// The ruleset `global`.
    package func global(for userID: String) -> JSONObject {
        var object = JSONObject()
        for kind in PushRuleKind.allCases { object[kind.rawValue] = list(kind, for: userID) }
        return object
    }

    /// The rules of a kind.
    package func list(_ kind: PushRuleKind, for userID: String) -> JSONValue {
        .array(rules(kind).map { .object($0.json(kind, for: userID)) })
    }
}
