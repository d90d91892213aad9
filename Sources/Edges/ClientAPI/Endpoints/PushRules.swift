import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import PushRules
import Queries

/// `/pushrules`.
extension ClientAPI {
    func addPushRules(to table: inout EndpointTable) {
        table.read("/pushrules/{path*}", .guest) { try readPushRules($0) }
        table.perform(.put, "/pushrules/{path*}", .user) { try await putPushRule($0) }
        table.perform(.delete, "/pushrules/{path*}", .user) { call in
            let place = try PushRulePlace(call)
            guard let ruleID = place.ruleID, place.attribute == nil else { throw PushRulePlace.incomplete }
            try await push.removeRule(place.kind, ruleID, caller: call.caller)
            return .emptyObject
        }
    }

    private func readPushRules(_ call: Call) throws -> HTTPResponse {
        let user = try call.userID
        let rules = try pushRuleQueries.rules(of: user)
        switch PushRulePlace.segments(of: call) {
        case [""]: return .json(.object(rules.content(for: user.rawValue)))
        case ["global", ""]: return .json(.object(rules.global(for: user.rawValue)))
        default: break
        }
        let place = try PushRulePlace(call)
        guard let ruleID = place.ruleID else { return .json(rules.list(place.kind, for: user.rawValue)) }
        guard let rule = rules.rule(place.kind, ruleID) else {
            throw Rejection.notFound("The push rule was not found.")
        }
        switch place.attribute {
        case nil: return .json(.object(rule.json(place.kind, for: user.rawValue)))
        case .enabled: return .json(["enabled": .bool(rule.isEnabled)])
        case .actions: return .json(["actions": .array(rule.actions)])
        }
    }

    private func putPushRule(_ call: Call) async throws -> HTTPResponse {
        let place = try PushRulePlace(call)
        guard let ruleID = place.ruleID else { throw PushRulePlace.incomplete }
        let body = try call.body().object
        let caller = try call.caller
        switch place.attribute {
        case nil:
            try await push.putRule(
                place.kind, ruleID, body: body, before: call.query("before"), after: call.query("after"),
                caller: caller)
        case .enabled: try await push.setRuleEnabled(place.kind, ruleID, body: body, caller: caller)
        case .actions: try await push.setRuleActions(place.kind, ruleID, body: body, caller: caller)
        }
        return .emptyObject
    }
}

/// What a path below `/pushrules` names: a kind of rules, a rule, or a part of one.
private struct PushRulePlace {
    enum Attribute: String {
        case enabled
        case actions
    }

    let kind: PushRuleKind
    /// Nil for all rules of the kind.
    let ruleID: String?
    let attribute: Attribute?

    /// What servers answer here is older than the specification, which names only whole paths.
    static let incomplete = Rejection(
        400, "M_UNRECOGNIZED", "Unrecognised request: You probably wanted a trailing slash")

    /// The decoded segments behind `/pushrules`.
    static func segments(of call: Call) -> [String] { Array(call.request.pathSegments.dropFirst(4)) }

    init(_ call: Call) throws {
        var segments = Self.segments(of: call)
        guard segments.first == "global" else { throw Rejection.invalidParam("The scope must be global.") }
        guard segments.count >= 2, !segments[1].isEmpty else { throw Self.incomplete }
        guard let kind = PushRuleKind(rawValue: segments[1]) else {
            throw Rejection.invalidParam("There is no such kind of rule.")
        }
        self.kind = kind
        guard segments.count >= 3 else { throw Self.incomplete }
        if segments.count > 3, segments.last?.isEmpty == true { segments.removeLast() }
        ruleID = segments[2].isEmpty ? nil : segments[2]
        guard segments.count >= 4 else {
            attribute = nil
            return
        }
        guard segments.count == 4, let attribute = Attribute(rawValue: segments[3]), ruleID != nil else {
            throw Rejection(400, "M_UNRECOGNIZED", "Rules have enabled and actions only.")
        }
        self.attribute = attribute
    }
}
