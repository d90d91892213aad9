import CanonicalJSON
import HTTPFront
import Queries
import Testing

@Suite("Sliding sync over the API") struct SlidingSyncTests {
    private static let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
    private static let list: JSONValue = ["timeline_limit": 5, "ranges": [[0, 9]], "required_state": []]

    private func register(_ name: String, _ server: InProcessServer) async throws -> String {
        let answer = try await server.call(
            .post, "/register", ["username": .string(name), "password": "x", "auth": ["type": "m.login.dummy"]])
        return try #require(answer["access_token"]?.stringValue)
    }

    @Test("a window, a long poll that is woken, both paths, and positions that are not known")
    func windows() async throws {
        let server = try InProcessServer()
        let token = try await register("alice", server)
        let versions = try await server.call(.get, "/_matrix/client/versions")
        #expect(versions["unstable_features"]?["org.matrix.simplified_msc3575"]?.boolValue == true)
        let made = try await server.call(.post, "/createRoom", ["name": "Tea"], token: token)
        let room = try #require(made["room_id"]?.stringValue)
        let body: JSONValue = ["lists": ["a": Self.list], "conn_id": "main"]
        let first = try await server.call(.post, Self.path, body, token: token)
        #expect(first.status == 200)
        #expect(first["rooms"]?[room]?["name"]?.stringValue == "Tea")
        #expect(first["rooms"]?[room]?["notification_count"]?.integerValue == 0)
        let pos = try #require(first["pos"]?.stringValue)
        // Nothing is new: it waits until something is.
        async let polled = server.call(.post, Self.path + "?timeout=120000&pos=" + pos, body, token: token)
        while server.notifier.waiting == 0 { await Task.yield() }
        _ = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/1", ["msgtype": "m.text", "body": "hello"], token: token)
        let second = try await polled
        let event = second["rooms"]?[room]?["timeline"]?.arrayValue?.first
        #expect(event?["content"]?["body"]?.stringValue == "hello")
        #expect(event?["unsigned"]?["transaction_id"]?.stringValue == "1")
        let next = try #require(second["pos"]?.stringValue)
        // A position is a token of `/messages`.
        let page = try await server.call(.get, "/rooms/\(room)/messages?dir=b&limit=1&from=" + next, token: token)
        #expect(page["chunk"]?.arrayValue?.first?["content"]?["body"]?.stringValue == "hello")
        // In the body, and under the other path, in its words.
        let third = try await server.call(
            .post, "/_matrix/client/v4/sync", ["lists": ["a": Self.list], "conn_id": "v4"], token: token)
        #expect(third["rooms"]?[room]?["name"]?.stringValue == "Tea")
        #expect(third["rooms"]?[room]?["notification_count"] == nil)
        for unknown in ["x", pos.replacing("s1", with: "s2") + "0", String(next.dropLast(1)) + "zz"] {
            let answer = try await server.call(
                .post, Self.path, ["lists": ["a": Self.list], "conn_id": "main", "pos": .string(unknown)], token: token)
            #expect(answer.status == 400)
            #expect(answer.errcode == "M_UNKNOWN_POS")
        }
        let empty = try await server.call(.post, Self.path, token: token)
        #expect(empty.status == 200 && empty["rooms"] == [:])
    }

    @Test("what is no request is refused with 400")
    func badRequests() async throws {
        let server = try InProcessServer()
        let token = try await register("alice", server)
        let cases: [(String, String)] = [
            ("[]", "M_BAD_JSON"), ("{", "M_NOT_JSON"), ("{\"lists\":[]}", "M_BAD_JSON"),
            ("{\"lists\":{\"a\":{}}}", "M_MISSING_PARAM"), ("{\"set_presence\":\"x\"}", "M_INVALID_PARAM"),
            ("{\"timeout\":-1}", "M_INVALID_PARAM"),
            ("{\"extensions\":{\"to_device\":{\"enabled\":true,\"since\":\"x\"}}}", "M_INVALID_PARAM"),
        ]
        for (text, errcode) in cases {
            let answer = try await server.call(.post, Self.path, token: token, raw: text)
            #expect(answer.status == 400, "\(text)")
            #expect(answer.errcode == errcode, "\(text)")
        }
        let anonymous = try await server.call(.post, Self.path, [:])
        #expect(anonymous.status == 401)
        for query in ["", "?dir=f", "?dir=b&limit=0", "?dir=b&from=x"] {
            let answer = try await server.call(
                .get, "/_matrix/client/unstable/io.element.msc4360/thread_updates" + query, token: token)
            #expect(answer.status == 400, "\(query)")
        }
        let pages = try await server.call(.get, "/_matrix/client/v1/thread_updates?dir=b", token: token)
        #expect(pages["chunk"] == [:])
    }

    @Test("messages to a device are acknowledged by its own token")
    func toDevice() async throws {
        let server = try InProcessServer()
        let alice = try await register("alice", server)
        let bob = try await register("bob", server)
        let whoami = try await server.call(.get, "/account/whoami", token: bob)
        let device = try #require(whoami["device_id"]?.stringValue)
        func sync(_ since: String?, pos: String?) async throws -> InProcessServer.Answer {
            var own: JSONObject = ["enabled": true]
            if let since { own["since"] = .string(since) }
            var body: JSONObject = ["extensions": ["to_device": .object(own)]]
            if let pos { body["pos"] = .string(pos) }
            return try await server.call(.post, Self.path, .object(body), token: bob)
        }
        func events(_ answer: InProcessServer.Answer) -> [JSONValue]? {
            answer["extensions"]?["to_device"]?["events"]?.arrayValue
        }
        _ = try await server.call(
            .put, "/sendToDevice/t/1", ["messages": ["@bob:example.org": [device: ["n": 1]]]], token: alice)
        let first = try await sync(nil, pos: nil)
        #expect(events(first)?.count == 1)
        // Lost, or the position unknown: it comes again, until the token that follows it is used.
        let again = try await sync(nil, pos: nil)
        #expect(events(again)?.count == 1)
        let next = again["extensions"]?["to_device"]?["next_batch"]?.stringValue
        let third = try await sync(next, pos: again["pos"]?.stringValue)
        #expect(events(third)?.isEmpty == true)
        let fourth = try await sync(nil, pos: nil)
        #expect(events(fourth)?.isEmpty == true)
    }
}
