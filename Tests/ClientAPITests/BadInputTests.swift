import CanonicalJSON
import Testing

@testable import ClientAPI
@testable import HTTPFront

@Suite struct BadInputTests {
    /// Every endpoint, with bodies and parameters that nobody should send: errors of the client, never of the server.
    @Test func everyEndpointSurvives() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let room = try await server.createRoom(token)
        let deep = String(repeating: "[", count: 5000)
        let bodies = [
            "", "{", "[]", "null", "1e999", "{\"a\":\(deep)", "{\"user_id\":\"@\u{0}\"}", "{\"auth\":{\"type\":[]}}",
            "{\"reason\":[],\"user_id\":{},\"typing\":\"x\",\"type\":0,\"filter\":3,\"limit\":-1,\"devices\":{}}",
            "{\"x\":\"\\ud800\"}", "{\"n\":123456789012345678901234567890}",
            "{\"user_id\":\"@" + String(repeating: "x", count: 300) + ":example.org\",\"membership\":\"invite\"}",
        ]
        let fillers = [room, "x", "@alice:example.org", "%23a:b", "$" + String(repeating: "y", count: 400), "%00"]
        for route in server.api.routes {
            // These end the session that the others need.
            if route.template.contains("logout") { continue }
            for filler in fillers {
                let path = route.template.split(separator: "/").map { segment in
                    segment.hasPrefix("{version") ? "v3" : segment.hasPrefix("{") ? filler : String(segment)
                }.joined(separator: "/")
                for body in route.method == .get ? [""] : bodies {
                    let answer = try await server.call(
                        route.method, "/\(path)?limit=-5&dir=x&from=s&at=!&since=q&kind=&server=", token: token,
                        raw: body)
                    #expect(answer.status < 500, "\(route.method.name) \(path) \(body.prefix(80)) \(answer.json)")
                }
            }
        }
    }

    @Test func tokensAreAskedFor() async throws {
        let server = try InProcessServer()
        let open: Set<String> = [
            "login", "refresh", "register", "available", "validity", "versions", "client", "support", "server_version",
            "requestToken", "userinfo", "policy_server",
        ]
        for route in server.api.routes {
            let segments = route.template.split(separator: "/").map(String.init)
            let last = segments.last ?? ""
            if open.contains(last) || segments.contains("profile") && route.method == .get { continue }
            if segments.contains("directory") && route.method == .get { continue }
            // A summary is shown to those who are not logged in, where the room is open to all.
            if segments.contains("room_summary") || segments.contains("im.nheko.summary") { continue }
            let path = segments.map { $0.hasPrefix("{version") ? "v3" : $0.hasPrefix("{") ? "x" : $0 }
            let answer = try await server.call(route.method, "/" + path.joined(separator: "/"), [:])
            #expect(answer.status == 401 && answer.errcode == "M_MISSING_TOKEN", "\(route.template) \(answer.json)")
            let wrong = try await server.call(route.method, "/" + path.joined(separator: "/"), [:], token: "nonsense")
            #expect(wrong.status == 401 && wrong.errcode == "M_UNKNOWN_TOKEN", "\(route.template) \(wrong.json)")
        }
    }

    /// What is wrong is told before what is merely refused, and what an older name or a later check hid is told too.
    @Test func nothingThatIsWrongIsHidden() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let invitation: JSONValue = [
            "id_server": "id.example.org", "id_access_token": "token", "medium": "email", "address": "a@example.org",
        ]
        let sync = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
        for (path, body, errcode) in [
            ("/createRoom", ["invite_3pid": "text"] as JSONValue, "M_BAD_JSON"),
            ("/createRoom", ["invite_3pid": [["medium": "email"]]], "M_BAD_JSON"),
            ("/createRoom", ["invite_3pid": [invitation], "is_direct": 5], "M_BAD_JSON"),
            ("/createRoom", ["invite_3pid": [invitation], "initial_state": [5]], "M_BAD_JSON"),
            ("/createRoom", ["invite_3pid": [invitation]], "M_THREEPID_DENIED"),
            ("/publicRooms", ["third_party_instance_id": 5], "M_BAD_JSON"),
            (
                sync,
                ["lists": ["a": ["timeline_limit": 1, "filters": ["is_invited": true, "is_invite": "x"]]]],
                "M_BAD_JSON"
            ),
        ] {
            let answer = try await server.call(.post, path, body, token: token)
            #expect(answer.errcode == errcode, "\(path) \(body) \(answer.json)")
            #expect(answer.status == (errcode == "M_BAD_JSON" ? 400 : 403), "\(path) \(body)")
        }
        #expect(try await server.call(.post, "/createRoom", ["invite_3pid": []], token: token).status == 200)
    }

    @Test func limitsAreKept() async throws {
        let server = try InProcessServer {
            $0.limits.message = .init(perSecond: 0.001, burst: 2)
            $0.limits.loginFailedAttempts = .init(perSecond: 0.001, burst: 1)
        }
        let token = try await server.register("alice")
        let room = try await server.createRoom(token)
        var statuses: [Int] = []
        for index in 0..<4 {
            statuses.append(
                try await server.call(.put, "/rooms/\(room)/send/m.room.message/\(index)", ["body": "x"], token: token)
                    .status)
        }
        #expect(statuses == [200, 200, 429, 429])
        let login: JSONValue = ["type": "m.login.password", "user": "alice", "password": "wrong"]
        #expect(try await server.call(.post, "/login", login).status == 403)
        let limited = try await server.call(.post, "/login", login)
        #expect(limited.status == 429 && limited.errcode == "M_LIMIT_EXCEEDED")
        #expect(limited["retry_after_ms"]?.integerValue ?? 0 > 0)
    }
}
