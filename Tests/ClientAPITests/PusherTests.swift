import CanonicalJSON
import ClientAPI
import Testing

@testable import HTTPFront

@Suite struct PusherTests {
    private func pusher(_ key: String, _ change: (inout JSONObject) -> Void = { _ in }) -> JSONValue {
        var body: JSONObject = [
            "kind": "http", "app_id": "app", "pushkey": .string(key), "app_display_name": "App",
            "device_display_name": "Phone", "lang": "en", "profile_tag": "tag",
            "data": ["url": "https://push.example.org/_matrix/push/v1/notify", "format": "event_id_only", "x": "y"],
        ]
        change(&body)
        return .object(body)
    }

    private func set(
        _ server: InProcessServer, _ token: String, _ body: JSONValue
    ) async throws -> InProcessServer.Answer {
        try await server.call(.post, "/pushers/set", body, token: token)
    }

    private func keys(_ server: InProcessServer, _ token: String) async throws -> [String] {
        let pushers = try await server.call(.get, "/pushers", token: token)["pushers"]?.arrayValue ?? []
        return pushers.compactMap { $0["pushkey"]?.stringValue }
    }

    @Test func setChangeAndRemove() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        #expect(try await set(server, alice, pusher("one")).json == .object([:]))
        #expect(try await set(server, alice, pusher("two")).status == 200)
        #expect(try await keys(server, alice) == ["one", "two"])
        #expect(try await set(server, alice, pusher("one") { $0["lang"] = "de" }).status == 200)
        let first = try await server.call(.get, "/pushers", token: alice)["pushers"]?.arrayValue?.first
        var expected = pusher("one").objectValue ?? [:]
        expected["lang"] = "de"
        #expect(first == .object(expected))
        #expect(try await set(server, alice, ["kind": .null, "app_id": "app", "pushkey": "one"]).status == 200)
        #expect(try await keys(server, alice) == ["two"])
        #expect(try await set(server, alice, ["kind": .null, "app_id": "app", "pushkey": "one"]).status == 200)
    }

    @Test func aKeyHasOneUserUnlessAppended() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        _ = try await set(server, alice, pusher("key"))
        _ = try await set(server, bob, pusher("key") { $0["append"] = true })
        #expect(try await keys(server, alice) == ["key"])
        #expect(try await keys(server, bob) == ["key"])
        _ = try await set(server, bob, pusher("key"))
        #expect(try await keys(server, alice) == [])
        #expect(try await keys(server, bob) == ["key"])
    }

    @Test func pushersEndWithTheirDevices() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        func login() async throws -> String {
            let answer = try await server.call(
                .post, "/login",
                [
                    "type": "m.login.password", "password": "password of alice",
                    "identifier": ["type": "m.id.user", "user": "alice"],
                ])
            return try #require(answer["access_token"]?.stringValue)
        }
        let other = try await login()
        _ = try await set(server, alice, pusher("mine"))
        _ = try await set(server, other, pusher("others"))
        #expect(try await keys(server, alice) == ["mine", "others"])
        #expect(try await server.call(.post, "/logout", [:], token: other).status == 200)
        #expect(try await keys(server, alice) == ["mine"])
        let third = try await login()
        _ = try await set(server, third, pusher("thirds"))
        let changed = try await server.call(
            .post, "/account/password",
            [
                "new_password": "another password",
                "auth": [
                    "type": "m.login.password", "password": "password of alice",
                    "identifier": ["type": "m.id.user", "user": "alice"],
                ],
            ], token: alice)
        #expect(changed.status == 200, "\(changed.json)")
        #expect(try await keys(server, alice) == ["mine"])
    }

    @Test func refusals() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        func url(_ text: String) -> JSONValue { pusher("x") { $0["data"] = ["url": .string(text)] } }
        let cases: [(JSONValue, String)] = [
            ([:], "M_MISSING_PARAM"), (["app_id": "a", "pushkey": "b"], "M_MISSING_PARAM"),
            (pusher("x") { $0["kind"] = 5 }, "M_BAD_JSON"), (pusher("x") { $0["kind"] = "email" }, "M_INVALID_PARAM"),
            (pusher("x") { $0["app_id"] = [] }, "M_BAD_JSON"),
            (pusher("x") { $0["app_id"] = .string(String(repeating: "x", count: 65)) }, "M_INVALID_PARAM"),
            (pusher(String(repeating: "x", count: 513)), "M_INVALID_PARAM"),
            (pusher("x") { $0["lang"] = .null }, "M_MISSING_PARAM"), (pusher("x") { $0["lang"] = 1 }, "M_BAD_JSON"),
            (pusher("x") { $0["data"] = "x" }, "M_BAD_JSON"), (pusher("x") { $0["data"] = [:] }, "M_MISSING_PARAM"),
            (pusher("x") { $0["data"] = ["url": 5] }, "M_BAD_JSON"),
            (pusher("x") { $0["append"] = "yes" }, "M_BAD_JSON"),
            (pusher("x") { $0["profile_tag"] = 5 }, "M_BAD_JSON"),
            (url("http://push.example.org/_matrix/push/v1/notify"), "M_INVALID_PARAM"),
            (url("https://push.example.org/"), "M_INVALID_PARAM"),
            (url("ftp://x/_matrix/push/v1/notify"), "M_INVALID_PARAM"),
            (url("https:///_matrix/push/v1/notify"), "M_INVALID_PARAM"),
            (url("https://a@b/_matrix/push/v1/notify"), "M_INVALID_PARAM"),
            (url("https://b:0/_matrix/push/v1/notify"), "M_INVALID_PARAM"),
            (url("https://b:99999/_matrix/push/v1/notify"), "M_INVALID_PARAM"),
            (url("https://b /_matrix/push/v1/notify"), "M_INVALID_PARAM"),
            (url("https://[::1/_matrix/push/v1/notify"), "M_INVALID_PARAM"),
        ]
        for (body, errcode) in cases {
            let answer = try await set(server, alice, body)
            #expect(answer.status == 400 && answer.errcode == errcode, "\(body) \(answer.json)")
        }
        #expect(try await set(server, alice, url("https://[::1]:8443/_matrix/push/v1/notify?x=y")).status == 200)
        let open = try InProcessServer { $0.plainPushGatewaysAllowed = true }
        let bob = try await open.register("bob")
        #expect(try await set(open, bob, url("http://127.0.0.1:80/_matrix/push/v1/notify")).status == 200)
    }

    @Test func notifications() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        #expect(try await server.call(.post, "/join/\(room)", [:], token: bob).status == 200)
        var ids: [String] = []
        for number in 0..<5 {
            let content: JSONValue = [
                "msgtype": "m.text", "body": .string("m\(number)"),
                "m.mentions": number == 2 ? ["user_ids": ["@bob:example.org"]] : [:],
            ]
            let sent = try await server.call(
                .put, "/rooms/\(room)/send/m.room.message/t\(number)", content, token: alice)
            ids.append(try #require(sent["event_id"]?.stringValue))
        }
        #expect(try await server.call(.post, "/rooms/\(room)/receipt/m.read/\(ids[1])", [:], token: bob).status == 200)
        func page(_ query: String) async throws -> InProcessServer.Answer {
            try await server.call(.get, "/notifications" + query, token: bob)
        }
        let all = try await page("")
        let listed = all["notifications"]?.arrayValue ?? []
        #expect(listed.compactMap { $0["event"]?["event_id"]?.stringValue } == Array(ids.reversed()))
        #expect(listed.compactMap { $0["read"]?.boolValue } == [false, false, false, true, true])
        #expect(listed.first?["room_id"] == .string(room) && listed.first?["actions"]?.arrayValue?.first == "notify")
        #expect(listed.first?["ts"]?.integerValue != nil)
        let first = try await page("?limit=2")
        #expect(first["notifications"]?.arrayValue?.count == 2)
        let token = try #require(first["next_token"]?.stringValue)
        let second = try await page("?limit=2&from=\(token)")
        #expect(
            second["notifications"]?.arrayValue?.compactMap { $0["event"]?["event_id"]?.stringValue } == [
                ids[2], ids[1],
            ])
        let loud = try await page("?only=highlight")
        #expect(loud["notifications"]?.arrayValue?.compactMap { $0["event"]?["event_id"]?.stringValue } == [ids[2]])
        #expect(try await page("?from=x").errcode == "M_INVALID_PARAM")
        #expect(try await page("?limit=x").errcode == "M_INVALID_PARAM")
        #expect(try await page("?limit=-1").errcode == "M_INVALID_PARAM")
        #expect(try await server.call(.get, "/notifications", token: alice)["notifications"] == [])
    }
}
