import CanonicalJSON
import CommandHandling
import HTTPFront
import LogEvents
import Testing

@testable import ClientAPI

@Suite struct AccountTests {
    @Test func registrationAsksForAStage() async throws {
        let server = try InProcessServer()
        let first = try await server.call(.post, "/register", ["username": "alice", "password": "wonderland"])
        #expect(first.status == 401)
        #expect(first["flows"] == [["stages": ["m.login.dummy"]]])
        #expect(first["params"] == .object([:]))
        let session = try #require(first["session"]?.stringValue)
        // Only `auth` comes the second time: the session remembers the rest.
        let second = try await server.call(
            .post, "/register", ["auth": ["type": "m.login.dummy", "session": .string(session)]])
        #expect(second.status == 200)
        #expect(second["user_id"] == "@alice:example.org")
        #expect(second["device_id"]?.stringValue != nil)
        // An answer that was lost on its way is asked for again.
        let third = try await server.call(
            .post, "/register", ["auth": ["type": "m.login.dummy", "session": .string(session)]])
        #expect(third.status == 200 && third["user_id"] == "@alice:example.org", "\(third.json)")
        let token = try #require(second["access_token"]?.stringValue)
        let whoami = try await server.call(.get, "/account/whoami", token: token)
        #expect(whoami["user_id"] == "@alice:example.org")
        #expect(whoami["is_guest"] == false)
        #expect(try await server.call(.get, "/profile/@alice:example.org").json == ["displayname": "alice"])
    }

    @Test func registrationRefuses() async throws {
        let server = try InProcessServer()
        _ = try await server.register("alice")
        let cases: [(JSONValue, String)] = [
            (["username": "ALICE"], "M_USER_IN_USE"), (["username": "a b"], "M_INVALID_USERNAME"),
            (["username": 5], "M_BAD_JSON"), (["username": "bob", "password": []], "M_BAD_JSON"),
            (["username": "123"], "M_INVALID_USERNAME"), (["username": "bob", "auth": 7], "M_BAD_JSON"),
            (["username": "bob", "auth": ["type": "m.login.dummy"]], "M_MISSING_PARAM"),
            (["username": "bob", "auth": ["session": "nonsense"]], "M_UNKNOWN"),
        ]
        for (body, errcode) in cases {
            let answer = try await server.call(.post, "/register", body)
            #expect(answer.status == 400 && answer.errcode == errcode, "\(body) \(answer.json)")
        }
        #expect(try await server.call(.post, "/register", raw: "{not json").errcode == "M_NOT_JSON")
        #expect(try await server.call(.post, "/register", raw: "[]").errcode == "M_BAD_JSON")
        #expect(try await server.call(.post, "/register?kind=elephant").errcode == "M_INVALID_PARAM")
        #expect(try await server.call(.get, "/register/available?username=bob")["available"] == true)
        #expect(try await server.call(.get, "/register/available?username=alice").errcode == "M_USER_IN_USE")
        #expect(try await server.call(.get, "/register/available").errcode == "M_MISSING_PARAM")
    }

    @Test func guests() async throws {
        let server = try InProcessServer()
        let answer = try await server.call(.post, "/register?kind=guest", [:])
        #expect(answer.status == 200)
        let token = try #require(answer["access_token"]?.stringValue)
        #expect(try await server.call(.get, "/account/whoami", token: token)["is_guest"] == true)
        let refused = try await server.call(.post, "/createRoom", [:], token: token)
        #expect(refused.status == 403 && refused.errcode == "M_GUEST_ACCESS_FORBIDDEN")
    }

    @Test func registrationTokens() async throws {
        let server = try InProcessServer { $0.registrationRequiresToken = true }
        try await server.accounts.setRegistrationToken(
            RegistrationTokenSet(token: "abc", usesAllowed: 1), actor: "", cause: "test")
        let path = "/_matrix/client/v1/register/m.login.registration_token/validity?token="
        #expect(try await server.call(.get, path + "abc")["valid"] == true)
        #expect(try await server.call(.get, path + "abd")["valid"] == false)
        func register(_ name: String, _ token: String) async throws -> InProcessServer.Answer {
            try await server.call(
                .post, "/register",
                [
                    "username": .string(name), "password": "x",
                    "auth": ["type": "m.login.registration_token", "token": .string(token)],
                ])
        }
        let wrong = try await register("alice", "abd")
        #expect(wrong.status == 401 && wrong.errcode == "M_UNAUTHORIZED" && wrong["flows"] != nil)
        #expect(try await register("alice", "abc").status == 200)
        #expect(try await register("bob", "abc").status == 401)
        #expect(try await server.call(.get, path + "abc")["valid"] == false)
    }

    @Test func sharedSecret() async throws {
        let server = try InProcessServer()
        let path = "/_synapse/admin/v1/register"
        func nonce() async throws -> String {
            try #require(try await server.call(.get, path)["nonce"]?.stringValue)
        }
        func mac(_ parts: [String]) -> JSONValue {
            .string(
                HexText.encode(
                    SHA1.authenticationCode(of: Array(parts.joined(separator: "\0").utf8), key: Array("secret".utf8))))
        }
        let first = try await nonce()
        let body: JSONValue = [
            "nonce": .string(first), "username": "Boss", "password": "x", "admin": true,
            "mac": mac([first, "Boss", "x", "admin"]),
        ]
        var slip = body.objectValue ?? [:]
        slip["user_type"] = "robot"
        let refused = try await server.call(.post, path, .object(slip))
        #expect(refused.status == 400 && refused.errcode == "M_INVALID_PARAM", "and the nonce is still good")
        let made = try await server.call(.post, path, body)
        #expect(made.status == 200 && made["user_id"] == "@boss:example.org", "\(made.json)")
        let again = try await server.call(.post, path, body)
        #expect(again.status == 400)
        let second = try await nonce()
        let forged = try await server.call(
            .post, path,
            ["nonce": .string(second), "username": "eve", "password": "x", "admin": true, "mac": mac(["eve"])])
        #expect(forged.status == 403)
        let closed = try InProcessServer { $0.registrationSharedSecret = nil }
        #expect(try await closed.call(.get, path).status == 400)
    }

    @Test func logins() async throws {
        let server = try InProcessServer()
        _ = try await server.register("alice")
        func login(_ user: String, _ password: String) async throws -> InProcessServer.Answer {
            try await server.call(
                .post, "/login",
                [
                    "type": "m.login.password", "identifier": ["type": "m.id.user", "user": .string(user)],
                    "password": .string(password), "device_id": "DEVICE", "initial_device_display_name": "mine",
                ])
        }
        let first = try await login("alice", "password of alice")
        #expect(first.status == 200 && first["device_id"] == "DEVICE")
        #expect(try await login("@ALICE:example.org", "password of alice").status == 200)
        for (user, password) in [("alice", "wrong"), ("nobody", "x"), ("@alice:other.org", "x"), ("", "")] {
            let refused = try await login(user, password)
            #expect(refused.status == 403 && refused.errcode == "M_FORBIDDEN", "\(refused.json)")
        }
        // The second login of the device ended the first one's token.
        let token = try #require(first["access_token"]?.stringValue)
        let ended = try await server.call(.get, "/account/whoami", token: token)
        #expect(ended.status == 401 && ended.errcode == "M_UNKNOWN_TOKEN")
        #expect(try await server.call(.get, "/account/whoami").errcode == "M_MISSING_TOKEN")
        let bad: [(JSONValue, String)] = [
            ([:], "M_MISSING_PARAM"), (["type": 1], "M_BAD_JSON"), (["type": "m.login.nothing"], "M_UNKNOWN"),
            (["type": "m.login.password"], "M_MISSING_PARAM"),
            (["type": "m.login.password", "user": "alice"], "M_MISSING_PARAM"),
            (["type": "m.login.password", "identifier": 7], "M_BAD_JSON"),
        ]
        for (body, errcode) in bad {
            let answer = try await server.call(.post, "/login", body)
            #expect(answer.status == 400 && answer.errcode == errcode, "\(body) \(answer.json)")
        }
    }

    @Test func logout() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        #expect(try await server.call(.post, "/logout", token: token).status == 200)
        #expect(try await server.call(.get, "/account/whoami", token: token).errcode == "M_UNKNOWN_TOKEN")
    }

    @Test func refreshTokens() async throws {
        let server = try InProcessServer()
        _ = try await server.register("alice")
        let login = try await server.call(
            .post, "/login",
            [
                "type": "m.login.password", "user": "alice", "password": "password of alice", "refresh_token": true,
            ])
        #expect(login["expires_in_ms"] == 300_000)
        let old = try #require(login["refresh_token"])
        func refresh(_ token: JSONValue) async throws -> InProcessServer.Answer {
            try await server.call(.post, "/_matrix/client/v1/refresh", ["refresh_token": token])
        }
        let lost = try await refresh(old)
        #expect(lost.status == 200)
        // The answer was lost on its way: the old token works until what it made is used.
        let second = try await refresh(old)
        #expect(second.status == 200, "\(second.json)")
        let access = try #require(second["access_token"]?.stringValue)
        #expect(try await server.call(.get, "/account/whoami", token: access).status == 200)
        let spent = try await refresh(old)
        #expect(spent.status == 401 && spent.errcode == "M_UNKNOWN_TOKEN")
        #expect(try await refresh(try #require(second["refresh_token"])).status == 200)
        #expect(try await refresh("nonsense").errcode == "M_UNKNOWN_TOKEN")
        #expect(try await server.call(.post, "/refresh", [:]).errcode == "M_MISSING_PARAM")
    }

    @Test func passwordAndDevices() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let other = try await server.call(
            .post, "/login",
            [
                "type": "m.login.password", "user": "alice", "password": "password of alice", "device_id": "OTHER",
            ])
        let otherToken = try #require(other["access_token"]?.stringValue)
        let asked = try await server.call(.post, "/account/password", ["new_password": "new"], token: token)
        #expect(asked.status == 401 && asked["flows"] == [["stages": ["m.login.password"]]])
        func auth(_ password: String) -> JSONValue {
            [
                "type": "m.login.password", "identifier": ["type": "m.id.user", "user": "alice"],
                "password": .string(password), "session": asked["session"] ?? .null,
            ]
        }
        let wrong = try await server.call(
            .post, "/account/password", ["new_password": "new", "auth": auth("bad")], token: token)
        #expect(wrong.status == 401 && wrong.errcode == "M_FORBIDDEN" && wrong["session"] == asked["session"])
        #expect(wrong["completed"] == [])
        _ = try await server.register("eve")
        let eve: JSONValue = [
            "type": "m.login.password", "identifier": ["type": "m.id.user", "user": "eve"],
            "password": "password of eve",
        ]
        #expect(try await server.call(.post, "/account/password", ["auth": eve], token: token).status == 403)
        let right = try await server.call(.post, "/account/password", ["auth": auth("password of alice")], token: token)
        #expect(right.status == 200, "\(right.json)")
        #expect(try await server.call(.get, "/account/whoami", token: token).status == 200)
        #expect(try await server.call(.get, "/account/whoami", token: otherToken).status == 401)
        let devices = try await server.call(.get, "/devices", token: token)
        #expect(devices["devices"]?.arrayValue?.count == 1)
        #expect(try await server.call(.get, "/devices/OTHER", token: token).status == 404)
        #expect(try await server.call(.put, "/devices/OTHER", ["display_name": "x"], token: token).status == 404)
        let own = try #require(devices["devices"]?.arrayValue?.first?["device_id"]?.stringValue)
        #expect(try await server.call(.put, "/devices/\(own)", ["display_name": "x"], token: token).status == 200)
        #expect(try await server.call(.get, "/devices/\(own)", token: token)["display_name"] == "x")
        #expect(try await server.call(.delete, "/devices/\(own)", token: token).status == 401)
        #expect(try await server.call(.post, "/delete_devices", ["devices": 5], token: token).errcode == "M_BAD_JSON")
    }

    @Test func deactivation() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        #expect(try await server.call(.post, "/join/\(room)", token: bob).status == 200)
        let auth: JSONValue = [
            "type": "m.login.password", "identifier": ["type": "m.id.user", "user": "bob"],
            "password": "password of bob",
        ]
        let answer = try await server.call(.post, "/account/deactivate", ["auth": auth], token: bob)
        #expect(answer.status == 200, "\(answer.json)")
        #expect(try await server.call(.get, "/account/whoami", token: bob).errcode == "M_UNKNOWN_TOKEN")
        let members = try await server.call(.get, "/rooms/\(room)/joined_members", token: alice)
        #expect(members["joined"]?.objectValue?.keys == ["@alice:example.org"])
        let login = try await server.call(
            .post, "/login", ["type": "m.login.password", "user": "bob", "password": "password of bob"])
        #expect(login.status == 403 && login.errcode == "M_USER_DEACTIVATED")
        #expect(try await server.call(.post, "/register", ["username": "bob"]).errcode == "M_USER_IN_USE")
    }

    @Test func lockedAndSuspended() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let room = try await server.createRoom(token)
        let alice = try #require(try server.accounts.resolve(login: "alice"))
        try await server.accounts.setFlags(of: alice, isSuspended: true, by: "", cause: "test")
        let send = try await server.call(.put, "/rooms/\(room)/send/m.room.message/1", ["body": "x"], token: token)
        #expect(send.status == 403 && send.errcode == "M_USER_SUSPENDED")
        #expect(try await server.call(.get, "/joined_rooms", token: token).status == 200)
        try await server.accounts.setFlags(of: alice, isLocked: true, by: "", cause: "test")
        let locked = try await server.call(.get, "/joined_rooms", token: token)
        #expect(locked.status == 401 && locked.errcode == "M_USER_LOCKED" && locked["soft_logout"] == true)
        #expect(try await server.call(.post, "/logout", token: token).status == 200)
    }

    @Test func loginTokens() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let path = "/_matrix/client/v1/login/get_token"
        #expect(try await server.call(.post, path, [:], token: token).status == 401)
        let auth: JSONValue = ["type": "m.login.password", "user": "alice", "password": "password of alice"]
        let made = try await server.call(.post, path, ["auth": auth], token: token)
        let login: JSONValue = ["type": "m.login.token", "token": try #require(made["login_token"])]
        #expect(try await server.call(.post, "/login", login)["user_id"] == "@alice:example.org")
        #expect(try await server.call(.post, "/login", login).status == 403)
    }
}
