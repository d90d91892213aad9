internal import CanonicalJSON
internal import PushRules

/// A list of requests that put rules, and an event that they judge: `{"put": [[kind, id, body, before?, after?]], "event": {}}`.
enum PushRulesTarget {
    private struct Room: PushSurroundings {
        func memberCount() throws -> UInt64 { 2 }
        func senderMayNotify(_ name: String) throws -> Bool { name == "room" }
        func displayName(of userID: String) throws -> String? { "me" }
    }

    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let object: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONObject.parse(input) else { return nil }
            object = parsed
        } catch {
            return nil
        }
        var rules = PushRuleset()
        for request in object["put"]?.arrayValue ?? [] {
            guard let parts = request.arrayValue, parts.count >= 3, let name = parts[0].stringValue,
                let kind = PushRuleKind(rawValue: name), let ruleID = parts[1].stringValue,
                let body = parts[2].objectValue
            else { continue }
            do throws(PushRuleProblem) {
                let change = try rules.put(
                    kind, ruleID, body: body, before: parts.count > 3 ? parts[3].stringValue : nil,
                    after: parts.count > 4 ? parts[4].stringValue : nil)
                if PushRuleChange(change.json) != change { return "a change is not what it is stored as" }
                if !change.json.hasOnlyCanonicalNumbers { return "a change cannot be stored" }
                rules.apply(change)
            } catch {
                continue
            }
        }
        if PushRuleset(stored: rules.stored) != rules { return "the rules are not what they are stored as" }
        let event = object["event"]?.objectValue ?? [:]
        do {
            let one = try CompiledPushRules(rules).outcome(
                for: PushEvent(event, roomID: "!room:example.org"), owner: "@me:example.org", Room())
            let again = try CompiledPushRules(PushRuleset(stored: rules.stored)).outcome(
                for: PushEvent(event, roomID: "!room:example.org"), owner: "@me:example.org", Room())
            if one != again { return "stored rules judge otherwise" }
            if let one, one.highlights, !one.notifies { return "a highlight that is no notification" }
        } catch {
            return "judging fails: \(error)"
        }
        return nil
    }
}
