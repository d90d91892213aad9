package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers
package import PushRules
import Queries

/// What users may ask of their push rules and pushers. Each function returns when its facts are durable and readable.
package struct PushCommands: Sendable {
    let environment: CommandEnvironment
    private let rules: PushRuleQueries

    package init(environment: CommandEnvironment) {
        self.environment = environment
        rules = PushRuleQueries(views: environment.views)
    }

    // MARK: Rules

    /// Adds a rule or changes one.
    package func putRule(
        _ kind: PushRuleKind, _ ruleID: String, body: JSONObject, before: String?, after: String?, caller: Caller
    ) async throws {
        try await change(caller) { rules throws(PushRuleProblem) in
            try rules.put(kind, ruleID, body: body, before: before, after: after)
        }
    }

    package func removeRule(_ kind: PushRuleKind, _ ruleID: String, caller: Caller) async throws {
        try await change(caller) { rules throws(PushRuleProblem) in try rules.remove(kind, ruleID) }
    }

    package func setRuleEnabled(
        _ kind: PushRuleKind, _ ruleID: String, body: JSONObject, caller: Caller
    ) async throws {
        try await change(caller) { rules throws(PushRuleProblem) in
            try rules.setEnabled(kind, ruleID, body: body)
        }
    }

    package func setRuleActions(
        _ kind: PushRuleKind, _ ruleID: String, body: JSONObject, caller: Caller
    ) async throws {
        try await change(caller) { rules throws(PushRuleProblem) in
            try rules.setActions(kind, ruleID, body: body)
        }
    }

    private func change(
        _ caller: Caller, _ decide: (PushRuleset) throws(PushRuleProblem) -> PushRuleChange
    ) async throws {
        let before = try rules.rules(of: caller.userID)
        let change: PushRuleChange
        do throws(PushRuleProblem) {
            change = try decide(before)
        } catch {
            throw Self.rejection(error)
        }
        var after = before
        after.apply(change)
        // "Adding the same push rule twice": what changes nothing leaves no trace.
        if after == before { return }
        let fact = PushRuleChanged(userID: caller.userID.rawValue, change: change.json)
        try await append(fact, caller: caller)
    }

    private static func rejection(_ problem: PushRuleProblem) -> Rejection {
        switch problem {
        case .unknownRule: .notFound(problem.message)
        case .unknownNeighbour: .unknown(problem.message)
        case .missing: .missingParam(problem.message)
        case .tooMany: .tooLarge(problem.message)
        case .badID, .isDefault, .invalid: .invalidParam(problem.message)
        }
    }

    func append(_ fact: some LogEvent, caller: Caller) async throws {
        let stream = StreamID(kind: .user, name: caller.userID.rawValue)
        let record = fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID)
        _ = try await environment.log.append(LogBatch(records: [record], expected: []))
    }
}
