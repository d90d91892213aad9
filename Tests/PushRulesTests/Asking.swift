import CanonicalJSON
import PushRules

/// What tests say about a room.
struct Room: PushSurroundings {
    var members: UInt64 = 3
    var mayNotify = false
    var names: [String: String] = [:]

    func memberCount() throws -> UInt64 { members }
    func senderMayNotify(_ name: String) throws -> Bool { mayNotify && name == "room" }
    func displayName(of userID: String) throws -> String? { names[userID] }
}

let owner = "@me:example.org"
let other = "@other:example.org"

func event(_ type: String, _ content: JSONObject, sender: String = other, stateKey: String? = nil) -> PushEvent {
    var object: JSONObject = [
        "type": .string(type), "sender": .string(sender), "event_id": "$e", "origin_server_ts": 5,
        "content": .object(content),
    ]
    if let stateKey { object["state_key"] = .string(stateKey) }
    return PushEvent(object, roomID: "!room:example.org")
}

func message(_ body: String, _ more: JSONObject = [:]) -> PushEvent {
    event("m.room.message", JSONObject([("msgtype", "m.text"), ("body", .string(body))]).merging(more))
}

extension PushRuleset {
    /// With a rule put on top.
    mutating func put(
        _ kind: PushRuleKind, _ ruleID: String, _ body: JSONObject, before: String? = nil, after: String? = nil
    ) throws {
        apply(try put(kind, ruleID, body: body, before: before, after: after))
    }

    func outcome(_ event: PushEvent, _ room: Room = Room()) throws -> PushOutcome? {
        try CompiledPushRules(self).outcome(for: event, owner: owner, room)
    }
}

/// Whether a rule with this one condition matches. It is taken as a log may have it, whatever is accepted today.
func matches(_ condition: JSONValue, _ event: PushEvent, _ room: Room = Room()) throws -> Bool {
    var rules = PushRuleset()
    let rule = PushRule(ruleID: "x", conditions: [condition], actions: ["notify", ["set_tweak": "mine"]])
    rules.apply(PushRuleChange(.override, "x", .put(rule, before: nil, after: nil)))
    let actions = try rules.outcome(event, room)?.actions ?? []
    return actions.count == 2 && actions.last?["set_tweak"]?.stringValue == "mine"
}
