import CanonicalJSON
import PushRules
import TestSupport
import Testing

@Suite struct RulesetTests {
    private let plain: JSONObject = ["actions": ["notify"]]

    private func ids(_ rules: PushRuleset, _ kind: PushRuleKind = .room) -> [String] {
        rules.rules(kind).map(\.ruleID).filter { !$0.hasPrefix(".") }
    }

    @Test func order() throws {
        var rules = PushRuleset()
        try rules.put(.room, "a", plain)
        try rules.put(.room, "b", plain)
        #expect(ids(rules) == ["b", "a"])
        try rules.put(.room, "c", plain, before: "a")
        #expect(ids(rules) == ["b", "c", "a"])
        try rules.put(.room, "d", plain, after: "b")
        #expect(ids(rules) == ["b", "d", "c", "a"])
        try rules.put(.room, "e", plain, before: "c", after: "a")
        #expect(ids(rules) == ["b", "d", "e", "c", "a"])
        // A rule that exists stays where it is, or moves where it is told.
        try rules.put(.room, "a", plain)
        #expect(ids(rules) == ["b", "d", "e", "c", "a"])
        try rules.put(.room, "a", plain, before: "b")
        #expect(ids(rules) == ["a", "b", "d", "e", "c"])
        rules.apply(try rules.remove(.room, "d"))
        #expect(ids(rules) == ["a", "b", "e", "c"])
        try rules.put(.override, "mine", plain)
        #expect(
            rules.rules(.override).map(\.ruleID).prefix(3) == [".m.rule.master", "mine", ".m.rule.suppress_notices"])
        try rules.put(.underride, "last", plain)
        #expect(rules.rules(.underride).first?.ruleID == "last")
        #expect(rules.ownCount == 6)
    }

    @Test func refusals() throws {
        let rules = PushRuleset()
        func problem(_ body: () throws(PushRuleProblem) -> PushRuleChange) -> PushRuleProblem? {
            do throws(PushRuleProblem) {
                _ = try body()
                return nil
            } catch {
                return error
            }
        }
        let put = { (id: String, body: JSONObject, before: String?) -> PushRuleProblem? in
            problem { () throws(PushRuleProblem) in try rules.put(.override, id, body: body, before: before, after: nil)
            }
        }
        for bad in [".a", "a/b", "a\\b", "", String(repeating: "x", count: 513)] {
            guard case .badID = put(bad, plain, nil) else {
                Issue.record("\(bad)")
                continue
            }
        }
        #expect(put("x", plain, nil) == nil)
        #expect(put("x", plain, "nobody") == .unknownNeighbour("nobody"))
        #expect(put("x", plain, ".m.rule.master") == .unknownNeighbour(".m.rule.master"))
        #expect(put("x", [:], nil) == .missing("actions"))
        for bad in [
            ["actions": 5], ["actions": ["not_an_action"]], ["actions": [5]], ["actions": [["set_tweak": 5]]],
            ["actions": [], "conditions": 5], ["actions": [], "conditions": [[:]]],
            ["actions": [], "conditions": [["kind": 5]]], ["actions": [], "conditions": [["kind": "a", "key": 5]]],
            ["actions": [], "conditions": [["kind": "a", "is": 2]]],
            ["actions": [], "conditions": [["kind": "a", "pattern": []]]],
            ["actions": [], "conditions": [["kind": "a", "value": [:]]]], ["actions": [], "pattern": 5],
            ["actions": [["set_tweak": "x", "value": 1.5]]],
            ["actions": [["set_tweak": "x", "value": .string(String(repeating: "x", count: 20_000))]]],
        ] as [JSONObject] {
            guard case .invalid = put("x", bad, nil) else {
                Issue.record("\(bad)")
                continue
            }
        }
        #expect(problem { () throws(PushRuleProblem) in try rules.remove(.room, "x") } == .unknownRule)
        #expect(problem { () throws(PushRuleProblem) in try rules.remove(.override, ".m.rule.master") } == .isDefault)
        #expect(
            problem { () throws(PushRuleProblem) in try rules.setEnabled(.room, "x", body: ["enabled": true]) }
                == .unknownRule)
        #expect(
            problem { () throws(PushRuleProblem) in
                try rules.put(.content, "x", body: ["actions": []], before: nil, after: nil)
            } == .missing("pattern"))
    }

    @Test func defaultsCanBeSwitched() throws {
        var rules = PushRuleset()
        #expect(CompiledPushRules(rules).isDefault)
        #expect(try rules.outcome(message("x"))?.notifies == true)
        rules.apply(
            try rules.setActions(.underride, ".m.rule.message", body: ["actions": ["notify", ["set_tweak": "a"]]]))
        #expect(CompiledPushRules(rules).isDefault)
        rules.apply(try rules.setEnabled(.override, ".m.rule.master", body: ["enabled": true]))
        #expect(try rules.outcome(message("x")) == PushOutcome(actions: []))
        #expect(!CompiledPushRules(rules).isDefault)
        let json = rules.content(for: owner)
        let master = json["global"]?["override"]?.arrayValue?.first
        #expect(master?["enabled"] == true && master?["default"] == true)
        // Nothing makes a default rule go away or the user's.
        rules.apply(PushRuleChange(.override, ".m.rule.master", .remove))
        rules.apply(
            PushRuleChange(
                .override, ".m.rule.master", .put(PushRule(ruleID: "x", actions: []), before: nil, after: nil)))
        #expect(rules.rule(.override, ".m.rule.master")?.isDefault == true)
    }

    @Test func aChangedRuleStaysOff() throws {
        var rules = PushRuleset()
        try rules.put(.room, "a", plain)
        rules.apply(try rules.setEnabled(.room, "a", body: ["enabled": false]))
        try rules.put(.room, "a", ["actions": []])
        #expect(rules.rule(.room, "a")?.isEnabled == false)
        #expect(rules.rule(.room, "a")?.actions == [])
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func storedFormsComeBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var rules = PushRuleset()
        for step in 0..<120 {
            let kind = PushRuleKind.allCases[random.below(5)]
            let own = rules.rules(kind).filter { !$0.isDefault }.map(\.ruleID)
            let any = random.pick(rules.rules(kind).map(\.ruleID)) ?? "none"
            let change: PushRuleChange
            switch random.below(5) {
            case 0: change = PushRuleChange(kind, any, .remove)
            case 1: change = PushRuleChange(kind, any, .setEnabled(random.oneIn(2)))
            case 2:
                change = PushRuleChange(
                    kind, any, .setActions(["notify", .object(["set_tweak": .string("s\(step)")])]))
            default:
                var body: JSONObject = ["actions": [random.oneIn(2) ? "notify" : "dont_notify"]]
                if kind == .content { body["pattern"] = .string("p*\(step)") }
                if kind.hasConditions { body["conditions"] = [["kind": "unheard", "n": .integer(Int64(step))]] }
                change = try rules.put(
                    kind, "r\(random.below(12))", body: body, before: random.oneIn(2) ? random.pick(own) : nil,
                    after: random.oneIn(3) ? random.pick(own) : nil)
            }
            #expect(PushRuleChange(change.json) == change)
            rules.apply(change)
            #expect(PushRuleset(stored: rules.stored) == rules, "seed \(seed) step \(step)")
        }
    }

    @Test func hostileBodiesNeverTrap() throws {
        var random = SeededRandom(seed: 7)
        let pieces: [JSONValue] = [
            .null, true, 5, 1.5, "", "notify", "m.x", [], [:], ["kind": "event_match", "key": "\\", "pattern": "*?*"],
            ["set_tweak": "highlight"], [["kind": "room_member_count", "is": "<<=>"]], "*****", "\\\\.\\",
        ]
        for _ in 0..<800 {
            var body = JSONObject()
            for name in ["actions", "conditions", "pattern", "enabled"] where random.oneIn(2) {
                let value = random.pick(pieces) ?? .null
                body[name] =
                    random.oneIn(2) ? .array((0..<random.below(4)).map { _ in random.pick(pieces) ?? .null }) : value
            }
            var rules = PushRuleset()
            let kind = PushRuleKind.allCases[random.below(5)]
            do throws(PushRuleProblem) {
                rules.apply(try rules.put(kind, "x", body: body, before: nil, after: nil))
                rules.apply(try rules.setActions(kind, "x", body: body))
                rules.apply(try rules.setEnabled(kind, "x", body: body))
            } catch {
                #expect(!error.message.isEmpty)
            }
            _ = try rules.outcome(message("some text"))
            #expect(PushRuleset(stored: rules.stored) == rules)
        }
    }
}
