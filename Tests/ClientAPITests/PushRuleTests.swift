import CanonicalJSON
import ClientAPI
import Testing

@testable import HTTPFront

@Suite struct PushRuleTests {
    private let notify: JSONValue = ["actions": ["notify"]]

    @Test func rulesAreEdited() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        func call(_ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil) async throws -> InProcessServer.Answer
        {
            try await server.call(method, "/pushrules/global" + path, body, token: alice)
        }
        func ids(_ kind: String) async throws -> [String] {
            let rules = try await server.call(.get, "/pushrules/global/\(kind)/", token: alice).json.arrayValue ?? []
            return rules.compactMap { $0["rule_id"]?.stringValue }
        }
        #expect(try await call(.put, "/room/%23a:b", notify).status == 200)
        #expect(try await call(.put, "/room/%23b:b", notify).status == 200)
        #expect(try await call(.put, "/room/%23c:b?before=%23a:b", notify).status == 200)
        #expect(try await call(.put, "/room/%23d:b?after=%23b:b", notify).status == 200)
        #expect(try await ids("room") == ["#b:b", "#d:b", "#c:b", "#a:b"])
        let rule = try await call(.get, "/room/%23a:b").json
        #expect(rule == ["rule_id": "#a:b", "default": false, "enabled": true, "actions": ["notify"]])
        #expect(try await call(.put, "/room/%23a:b/enabled", ["enabled": false]).status == 200)
        #expect(try await call(.get, "/room/%23a:b/enabled").json == ["enabled": false])
        #expect(try await call(.put, "/room/%23a:b/actions", ["actions": ["dont_notify"]]).status == 200)
        #expect(try await call(.get, "/room/%23a:b/actions").json == ["actions": ["dont_notify"]])
        #expect(try await call(.delete, "/room/%23b:b").status == 200)
        #expect(try await ids("room") == ["#d:b", "#c:b", "#a:b"])
        #expect(try await call(.get, "/room/%23b:b").status == 404)
        let whole = try await server.call(.get, "/pushrules/", token: alice)
        #expect(whole["global"]?["room"]?.arrayValue?.count == 3)
        #expect(try await call(.get, "/")["override"]?.arrayValue?.first?["rule_id"] == ".m.rule.master")
        // Default rules: other actions, and off; but there they stay.
        #expect(try await call(.put, "/underride/.m.rule.message/actions", ["actions": []]).status == 200)
        #expect(try await call(.get, "/underride/.m.rule.message")["actions"] == [])
        #expect(try await call(.delete, "/underride/.m.rule.message").status == 400)
        #expect(try await call(.put, "/content/тест", ["pattern": "тест", "actions": []]).status == 200)
        #expect(try await call(.get, "/content/тест")["pattern"] == "тест")
    }

    @Test func refusals() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        func status(
            _ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil
        ) async throws -> (Int, String) {
            let answer = try await server.call(method, "/pushrules" + path, body, token: alice)
            return (answer.status, answer.errcode ?? "")
        }
        let puts: [(String, JSONValue, String)] = [
            ("/", [:], "M_INVALID_PARAM"), ("/moon/room/x", notify, "M_INVALID_PARAM"),
            ("/global", notify, "M_UNRECOGNIZED"), ("/global/room", notify, "M_UNRECOGNIZED"),
            ("/global/room/", notify, "M_UNRECOGNIZED"), ("/global/moon/x", notify, "M_INVALID_PARAM"),
            ("/global/room/a%5Cb", notify, "M_INVALID_PARAM"), ("/global/room/a%2Fb", notify, "M_INVALID_PARAM"),
            ("/global/room/.x", notify, "M_INVALID_PARAM"), ("/global/room/x", [:], "M_MISSING_PARAM"),
            ("/global/override/x", ["actions": [], "conditions": [[:]]], "M_INVALID_PARAM"),
            ("/global/content/x", notify, "M_MISSING_PARAM"),
            ("/global/room/x", ["actions": ["jump"]], "M_INVALID_PARAM"),
            ("/global/room/x?before=y", notify, "M_UNKNOWN"),
            ("/global/room/x?after=.m.rule.master", notify, "M_UNKNOWN"),
            ("/global/override/.m.rule.master/moon", ["enabled": true], "M_UNRECOGNIZED"),
            ("/global/override/.m.rule.master/enabled", ["enabled": "yes"], "M_INVALID_PARAM"),
            ("/global/override/.m.rule.master/enabled", [:], "M_MISSING_PARAM"),
            ("/global/override/.m.rule.master", notify, "M_INVALID_PARAM"),
        ]
        for (path, body, errcode) in puts {
            let found = try await status(.put, path, body)
            #expect(found == (400, errcode), "\(path) \(found)")
        }
        for path in ["/global", "/global/room", "/moon/", "/global/moon/", "/global/override/.m.rule.master/moon"] {
            #expect(try await status(.get, path).0 == 400, "\(path)")
        }
        for path in ["/global/override/none", "/global/override/none/enabled"] {
            #expect(try await status(.get, path) == (404, "M_NOT_FOUND"))
        }
        #expect(try await status(.put, "/global/room/x/enabled", ["enabled": true]) == (404, "M_NOT_FOUND"))
        #expect(try await status(.put, "/global/override/.no/actions", ["actions": []]) == (404, "M_NOT_FOUND"))
        #expect(try await status(.delete, "/global/room/x") == (404, "M_NOT_FOUND"))
        #expect(try await status(.delete, "/global/room").0 == 400)
        #expect(try await status(.get, "").0 == 404)
    }

    @Test func syncTellsOfChanges() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let first = try await server.call(.get, "/sync", token: alice)
        let since = try #require(first["next_batch"]?.stringValue)
        func events(_ answer: InProcessServer.Answer) -> [JSONValue] {
            (answer["account_data"]?["events"]?.arrayValue ?? []).filter { $0["type"] == "m.push_rules" }
        }
        #expect(events(first).count == 1)
        #expect(events(try await server.call(.get, "/sync?since=\(since)", token: alice)).isEmpty)
        let rule: JSONValue = ["pattern": "cake", "actions": ["notify"]]
        #expect(try await server.call(.put, "/pushrules/global/content/c", rule, token: alice).status == 200)
        let second = try await server.call(.get, "/sync?since=\(since)", token: alice)
        #expect(events(second).count == 1)
        #expect(events(second).first?["content"]?["global"]?["content"]?.arrayValue?.first?["rule_id"] == "c")
        // The same again changes nothing, and nobody is woken.
        let next = try #require(second["next_batch"]?.stringValue)
        #expect(try await server.call(.put, "/pushrules/global/content/c", rule, token: alice).status == 200)
        #expect(events(try await server.call(.get, "/sync?since=\(next)", token: alice)).isEmpty)
        let path = "/user/@alice:example.org/account_data/m.push_rules"
        #expect(try await server.call(.get, path, token: alice)["global"] != nil)
    }

    /// Rules that go through 64 changes are stored whole and go on.
    @Test func manyChanges() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        for number in 0..<140 {
            let path = "/pushrules/global/room/r\(number % 50)"
            if number % 7 == 3 {
                _ = try await server.call(.put, path + "/enabled", ["enabled": false], token: alice)
            } else {
                _ = try await server.call(
                    .put, path, ["actions": [["set_tweak": "n", "value": .integer(Int64(number))]]], token: alice)
            }
        }
        let rules = try await server.call(.get, "/pushrules/global/room/", token: alice).json.arrayValue ?? []
        #expect(rules.count == 50)
        // Of those that could not be disabled before they existed, r45 was made last.
        #expect(rules.last?["rule_id"] == "r0" && rules.first?["rule_id"] == "r45")
        let last = rules.first { $0["rule_id"] == "r39" }
        #expect(last?["actions"] == [["set_tweak": "n", "value": 139]])
    }
}
