import CanonicalJSON

/// A ruleset made ready to judge events. It names no user, so that users with the same rules share it.
package final class CompiledPushRules: Sendable {
    private struct Rule: Sendable {
        let conditions: [NumberedCondition]
        let outcome: PushOutcome
    }

    /// Enabled rules in the order in which they are checked.
    private let rules: [Rule]
    /// For each rule that comes to the same for everybody the number under which an event keeps what it came to, otherwise
    /// `ownRule`. Beside the rules, so that most users' rules are gone through without touching them.
    private let numbers: [Int]

    private static let ownRule = -1

    /// Whether these are the default rules, as far as it matters to whether there is a notification.
    package let isDefault: Bool
    /// Whether two users with these rules, neither of whom the event names, may fare differently.
    package let asksForName: Bool

    package init(_ ruleset: PushRuleset) {
        var rules: [Rule] = []
        var numbers: [Int] = []
        for kind in PushRuleKind.allCases {
            for rule in ruleset.rules(kind) where rule.isEnabled {
                rules.append(
                    Rule(conditions: Self.conditions(rule, kind), outcome: PushOutcome(actions: rule.actions)))
                let number = rule.isDefault ? NumberedCondition.sharedRules[rule.ruleID] : nil
                numbers.append(number ?? Self.ownRule)
            }
        }
        self.rules = rules
        self.numbers = numbers
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
            conditions = [rule.pattern.map { .matching(.body, GlobPattern($0)) } ?? .never]
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
    /// - Parameters:
    ///   - owner: whose rules these are.
    ///   - isNamed: false when the event is known not to name the owner (``PushEvent/mentionedUsers``, its state key).
    package func outcome(
        for event: PushEvent, owner: @autoclosure () throws -> String, isNamed: Bool = true,
        _ surroundings: some PushSurroundings
    ) throws -> PushOutcome? {
        for (index, number) in numbers.enumerated() {
            if number != Self.ownRule {
                if try event.answer(number, else: { try holds(rules[index], event, owner, isNamed, surroundings) }) {
                    return rules[index].outcome
                }
            } else if try holds(rules[index], event, owner, isNamed, surroundings) {
                return rules[index].outcome
            }
        }
        return nil
    }

    private func holds(
        _ rule: Rule, _ event: PushEvent, _ owner: () throws -> String, _ isNamed: Bool,
        _ surroundings: some PushSurroundings
    ) throws -> Bool {
        for condition in rule.conditions
        where try !condition.holds(event, owner: owner, isNamed: isNamed, surroundings) {
            return false
        }
        return true
    }
}
