/// A condition, with a number when it is one of the default rules and the same for everybody: what it came to for an event is
/// kept for the rules of the next user.
struct NumberedCondition: Sendable {
    let condition: PushCondition
    let number: Int?

    /// The conditions of the default rules, by rule.
    static let ofDefaultRules: [String: [NumberedCondition]] = {
        var found: [String: [NumberedCondition]] = [:]
        var number = 0
        for rule in PushRuleKind.allCases.flatMap({ DefaultPushRules.rules(of: $0) }) {
            found[rule.ruleID] = rule.conditions.map { json in
                let condition = PushCondition(json, isDefault: true)
                guard !condition.asksForOwner else { return NumberedCondition(condition: condition, number: nil) }
                defer { number += 1 }
                return NumberedCondition(condition: condition, number: number)
            }
        }
        return found
    }()

    /// The numbers of whole rules of which no condition asks whose they are; they go on where those of conditions end.
    static let sharedRules: [String: Int] = {
        let count = ofDefaultRules.values.joined().count { $0.number != nil }
        let shared = ofDefaultRules.filter { $0.value.allSatisfy { $0.number != nil } }.keys.sorted()
        return Dictionary(uniqueKeysWithValues: shared.enumerated().map { ($1, count + $0) })
    }()

    func holds(
        _ event: PushEvent, owner: () throws -> String, isNamed: Bool, _ surroundings: some PushSurroundings
    ) throws -> Bool {
        guard let number else {
            return try condition.holds(event, owner: owner, isNamed: isNamed, surroundings)
        }
        return try event.answer(number) {
            try condition.holds(event, owner: owner, isNamed: isNamed, surroundings)
        }
    }
}
