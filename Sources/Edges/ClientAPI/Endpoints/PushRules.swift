import CanonicalJSON
import Decisions
import HTTPFront
import Queries

/// `/pushrules`, for reading.
extension ClientAPI {
    private static let ruleKinds: Set<String> = ["override", "underride", "content", "room", "sender"]

    func addPushRules(to table: inout EndpointTable) {
        table.read("/pushrules", .guest) { .json(.object(["global": .object(try rules($0))])) }
        table.read("/pushrules/global", .guest) { .json(.object(try rules($0))) }
        table.read("/pushrules/global/{kind}", .guest) { .json(.array(try rules(of: $0["kind"], $0))) }
        table.read("/pushrules/global/{kind}/{ruleId}", .guest) { .json(.object(try rule($0))) }
        for part in ["enabled", "actions"] {
            table.read("/pushrules/global/{kind}/{ruleId}/\(part)", .guest) { call in
                .json(.object(JSONObject([(part, try rule(call)[part] ?? .null)])))
            }
        }
    }

    private func rules(_ call: Call) throws -> JSONObject {
        let bytes = try accountQueries.accountData(try call.userID, room: nil, type: "m.push_rules")
        return try bytes.map { try JSONValue.parse($0) }?["global"]?.objectValue ?? [:]
    }

    private func rules(of kind: String, _ call: Call) throws -> [JSONValue] {
        guard Self.ruleKinds.contains(kind) else { throw Rejection.invalidParam("There is no such kind of rule.") }
        return try rules(call)[kind]?.arrayValue ?? []
    }

    private func rule(_ call: Call) throws -> JSONObject {
        let id = call["ruleId"]
        let found = try rules(of: call["kind"], call).first { $0["rule_id"] == .string(id) }
        guard let rule = found?.objectValue else { throw Rejection.notFound("There is no such push rule.") }
        return rule
    }
}
