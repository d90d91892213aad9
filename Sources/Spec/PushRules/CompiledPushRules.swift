import CanonicalJSON

/// A ruleset made ready to judge events. It names no user, so that users with the same rules share it.
package final class CompiledPushRules: Sendable {
    private struct Rule: Sendable {
        let conditions: [NumberedCondition]
        let outcome: PushOutcome
    }

    /// Enabled rules in the order in which they are checked.
    private let rules: [Rule]
    /// Whether these are the default rules, as far as it matters to whether there is a notification.
    package let isDefault: Bool
    /// Whether two users with these rules, neither of whom the event names, may fare differently.
    package let asksForName: Bool

    package init(_ ruleset: PushRuleset) {
        var rules: [Rule] = []
        for kind in PushRuleKind.allCases {
            for rule in ruleset.rules(kind) where rule.isEnabled {
                rules.append(
                    Rule(conditions: Self.conditions(rule, kind), outcome: PushOutcome(actions: rule.actions)))
            }
        }
        self.rules = rules
        isDefault = Self.decidesLikeDefault(ruleset)
        asksForName = rules.contains { $0.conditions.contains(where: \.condition.asksForName) }
    }

    /// The rules of everybody who never changed one.
    package static let defaults = CompiledPushRules(PushRuleset())

    private static func conditions(_ rule: PushRule, _ kind: PushRuleKind) -> [NumberedCondition] {
        if rule.isDefault, let known = NumberedCondition.ofDefaultRules[rule.ruleID] { return known }
        let conditions: [PushCondition]
        switch kind {
        case .override, .underride: conditions = rule.conditions.map { PushCondition($0, isDefault: false) }
        case .content:
            conditions = [rule.pattern.map { .matches(PropertyPath("content.body"), GlobPattern($0)) } ?? .never]
        case .room: conditions = [.room(rule.ruleID)]
        case .sender: conditions = [.sender(rule.ruleID)]
        }
        return conditions.map { NumberedCondition(condition: $0, number: nil) }
    }

    /// Whether only sounds and the like were changed.
    private static func decidesLikeDefault(_ ruleset: PushRuleset) -> Bool {
        let original = PushRuleset()
        return PushRuleKind.allCases.allSatisfy { kind in
            let (own, other) = (ruleset.rules(kind), original.rules(kind))
            guard own.count == other.count else { return false }
            return zip(own, other).allSatisfy { one, two in
                let (left, right) = (PushOutcome(actions: one.actions), PushOutcome(actions: two.actions))
                return one.isDefault && one.isEnabled == two.isEnabled && left.notifies == right.notifies
                    && left.highlights == right.highlights
            }
        }
    }

    /// What the first matching rule does; nil when none matches.
    ///
    /// - Parameter owner: whose rules these are.
    package func outcome(
        for event: PushEvent, owner: @autoclosure () throws -> String, _ surroundings: some PushSurroundings
    ) throws -> PushOutcome? {
        for rule in rules {
            var holds = true
            for condition in rule.conditions where try !condition.holds(event, owner: owner, surroundings) {
                holds = false
                break
            }
            if holds { return rule.outcome }
        }
        return nil
    }
}
