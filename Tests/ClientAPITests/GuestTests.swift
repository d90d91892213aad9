import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

/// The specification's guest access module.
@Suite struct GuestTests {
    private struct Guest {
        let token: String
        let userID: String

        var localpart: String { String(userID.dropFirst().prefix { $0 != ":" }) }
    }

    private func guest(_ server: InProcessServer) async throws -> Guest {
        let answer = try await server.call(.post, "/register?kind=guest", [:])
        return Guest(
            token: try #require(answer["access_token"]?.stringValue),
            userID: try #require(answer["user_id"]?.stringValue))
    }

    private func open(
        _ server: InProcessServer, _ room: String, _ access: String, _ token: String
    ) async throws
        -> String
    {
        let answer = try await server.call(
            .put, "/rooms/\(room)/state/m.room.guest_access", ["guest_access": .string(access)], token: token)
        return try #require(answer["event_id"]?.stringValue, "\(answer.json)")
    }

    private func membership(
        _ server: InProcessServer, _ room: String, _ user: String, _ token: String
    ) async throws
        -> JSONValue?
    {
        try await server.call(.get, "/rooms/\(room)/state/m.room.member/\(user)", token: token)["membership"]
    }

    @Test func guestsJoinOnlyOpenRooms() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let guest = try await guest(server)
        let room = try await server.createRoom(alice)
        let member = "/rooms/\(room)/state/m.room.member/\(guest.userID)"
        for _ in 0..<2 {
            let join = try await server.call(.post, "/rooms/\(room)/join", token: guest.token)
            #expect(join.status == 403 && join.errcode == "M_GUEST_ACCESS_FORBIDDEN", "\(join.json)")
            let own = try await server.call(.put, member, ["membership": "join"], token: guest.token)
            #expect(own.errcode == "M_GUEST_ACCESS_FORBIDDEN", "\(own.json)")
            // An invitation opens the room to a guest no more than the rules of the room do.
            _ = try await server.call(
                .post, "/rooms/\(room)/invite", ["user_id": .string(guest.userID)], token: alice)
        }
        _ = try await open(server, room, "can_join", alice)
        #expect(try await server.call(.post, "/rooms/\(room)/join", token: guest.token).status == 200)
        let sent = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/1", ["msgtype": "m.text", "body": "sup"], token: guest.token)
        #expect(sent.status == 200, "\(sent.json)")
        #expect(
            try await server.call(.post, "/createRoom", [:], token: guest.token).errcode == "M_GUEST_ACCESS_FORBIDDEN")
        #expect(try await server.call(.get, "/initialSync", token: guest.token).status == 403)
    }

    @Test func closingARoomPutsGuestsOut() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let guests = [try await guest(server), try await guest(server)]
        let room = try await server.createRoom(alice)
        _ = try await open(server, room, "can_join", alice)
        for token in guests.map(\.token) + [bob] {
            #expect(try await server.call(.post, "/rooms/\(room)/join", token: token).status == 200)
        }
        _ = try await open(server, room, "forbidden", alice)
        for guest in guests {
            #expect(try await membership(server, room, guest.userID, alice) == "leave")
            #expect(try await server.call(.post, "/rooms/\(room)/join", token: guest.token).status == 403)
        }
        #expect(try await membership(server, room, "@bob:example.org", alice) == "join")
    }

    @Test func redactionClosesARoomToo() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let guest = try await guest(server)
        let room = try await server.createRoom(alice)
        let access = try await open(server, room, "can_join", alice)
        #expect(try await server.call(.post, "/rooms/\(room)/join", token: guest.token).status == 200)
        let redacted = try await server.call(.put, "/rooms/\(room)/redact/\(access)/1", [:], token: alice)
        #expect(redacted.status == 200, "\(redacted.json)")
        #expect(try await membership(server, room, guest.userID, alice) == "leave")
        #expect(try await server.call(.post, "/rooms/\(room)/join", token: guest.token).status == 403)
    }

    @Test func guestsBecomeUsers() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let guest = try await guest(server)
        let other = try await self.guest(server)
        let room = try await server.createRoom(alice)
        func register(_ name: String, _ token: String, auth: Bool = true) async throws -> InProcessServer.Answer {
            var body: JSONObject = [
                "username": .string(name), "password": "SIR_Arthur_David", "guest_access_token": .string(token),
            ]
            if auth { body["auth"] = ["type": "m.login.dummy"] }
            return try await server.call(.post, "/register", .object(body))
        }
        #expect(try await register(guest.localpart, other.token).errcode == "M_FORBIDDEN")
        #expect(try await register("somebody", guest.token).errcode == "M_FORBIDDEN")
        #expect(try await register(guest.localpart, alice).errcode == "M_FORBIDDEN")
        #expect(try await register(guest.localpart, guest.token, auth: false).status == 401)
        let upgraded = try await register(guest.localpart, guest.token)
        #expect(upgraded.status == 200 && upgraded["user_id"] == .string(guest.userID), "\(upgraded.json)")
        let token = try #require(upgraded["access_token"]?.stringValue)
        #expect(try await server.call(.get, "/account/whoami", token: token)["is_guest"] == false)
        #expect(try await server.call(.get, "/account/whoami", token: guest.token)["is_guest"] == false)
        #expect(try await server.call(.post, "/rooms/\(room)/join", token: token).status == 200)
        let login = try await server.call(
            .post, "/login",
            [
                "type": "m.login.password", "password": "SIR_Arthur_David",
                "identifier": ["type": "m.id.user", "user": .string(guest.localpart)],
            ])
        #expect(login.status == 200, "\(login.json)")
        #expect(try await register(guest.localpart, guest.token).errcode == "M_FORBIDDEN", "there is no guest any more")
    }

    @Test func guestsChangeOnlyTheirName() async throws {
        let server = try InProcessServer()
        let guest = try await guest(server)
        let path = "/profile/\(guest.userID)"
        #expect(
            try await server.call(.put, path + "/displayname", ["displayname": "creeper"], token: guest.token).status
                == 200)
        #expect(try await server.call(.get, path, token: guest.token)["displayname"] == "creeper")
        let avatar = try await server.call(.put, path + "/avatar_url", ["avatar_url": "mxc://a/b"], token: guest.token)
        #expect(avatar.errcode == "M_GUEST_ACCESS_FORBIDDEN", "\(avatar.json)")
        #expect(try await server.call(.delete, path + "/displayname", token: guest.token).status == 200)
        #expect(try await server.call(.get, path, token: guest.token)["displayname"] == nil)
        #expect(try await server.call(.delete, path + "/org.x", token: guest.token).status == 403)
    }

    @Test func noGuestsUnlessAllowed() async throws {
        let server = try InProcessServer { $0.guestAccessAllowed = false }
        let answer = try await server.call(.post, "/register?kind=guest", [:])
        #expect(answer.status == 403 && answer.errcode == "M_GUEST_ACCESS_FORBIDDEN")
    }
}
