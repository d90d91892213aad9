import CanonicalJSON
import CommandHandling
import HTTPFront
import MatrixIdentifiers
import Testing

@testable import ClientAPI

/// The server notices module, through Synapse's endpoint for administrators.
@Suite struct ServerNoticeTests {
    private static let path = "/_synapse/admin/v1/send_server_notice"
    private static let bob = "@bob:example.org"
    private static let notice: JSONValue = [
        "user_id": "@bob:example.org", "content": ["msgtype": "m.text", "body": "hello"],
    ]

    private struct Scene {
        let server: InProcessServer
        let admin: String
        let bob: String
    }

    private func scene(joins: Bool = false) async throws -> Scene {
        let user = try UserID(parsing: "@notices:example.org")
        let server = try InProcessServer { settings in
            var notices = ServerNoticeSettings(userID: user)
            notices.displayName = "The server"
            notices.avatarURL = "mxc://example.org/notices"
            notices.roomTopic = "What the server has to say"
            notices.joinsAutomatically = joins
            settings.serverNotices = notices
        }
        let admin = try await server.register("admin")
        try await server.makeAdmin("admin")
        return Scene(server: server, admin: admin, bob: try await server.register("bob"))
    }

    private func only(_ rooms: JSONValue?) throws -> (id: String, room: JSONValue) {
        let entries = rooms?.objectValue.map { Array($0) } ?? []
        try #require(entries.count == 1, "\(entries)")
        return (entries[0].key, entries[0].value)
    }

    @Test func oneRoomForEachUser() async throws {
        let scene = try await scene()
        let first = try await scene.server.call(.post, Self.path, Self.notice, token: scene.admin)
        #expect(first.status == 200 && first["event_id"] != nil, "\(first.json)")
        let (room, invite) = try only(
            try await scene.server.call(.get, "/sync", token: scene.bob)["rooms"]?["invite"])
        let stripped = invite["invite_state"]?["events"]?.arrayValue
        #expect(stripped?.contains { $0["content"]?["name"] == "Server Notices" } == true)
        let inviter = stripped?.first { $0["state_key"] == "@notices:example.org" }
        #expect(inviter?["content"]?["displayname"] == "The server", "\(invite)")
        for (method, path, body) in [
            (HTTPMethod.post, "/rooms/\(room)/leave", [:] as JSONValue),
            (.post, "/rooms/\(room)/kick", ["user_id": .string(Self.bob)]),
            (.put, "/rooms/\(room)/state/m.room.member/\(Self.bob)", ["membership": "leave"]),
        ] {
            let refusal = try await scene.server.call(method, path, body, token: scene.bob)
            #expect(refusal.status == 403 && refusal.errcode == "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM", "\(refusal.json)")
        }
        #expect(try await scene.server.call(.post, "/rooms/\(room)/join", token: scene.bob).status == 200)
        let second = try await scene.server.call(.post, Self.path, Self.notice, token: scene.admin)
        #expect(second.status == 200)
        let (joined, sync) = try only(
            try await scene.server.call(.get, "/sync", token: scene.bob)["rooms"]?["join"])
        #expect(joined == room)
        let tags = sync["account_data"]?["events"]?.arrayValue?.first { $0["type"] == "m.tag" }
        #expect(tags?["content"]?["tags"]?["m.server_notice"] == [:], "\(sync)")
        let events = sync["timeline"]?["events"]?.arrayValue ?? []
        #expect(events.contains { $0["event_id"] == second["event_id"] && $0["sender"] == "@notices:example.org" })
        let answer = try await scene.server.call(
            .put, "/rooms/\(room)/send/m.room.message/1", ["msgtype": "m.text", "body": "no"], token: scene.bob)
        #expect(answer.status == 403, "only the server speaks there")
        // "Servers should not prevent the user leaving the room after joining": the next notice invites again.
        #expect(try await scene.server.call(.post, "/rooms/\(room)/leave", [:], token: scene.bob).status == 200)
        #expect(try await scene.server.call(.post, Self.path, Self.notice, token: scene.admin).status == 200)
        let again = try only(try await scene.server.call(.get, "/sync", token: scene.bob)["rooms"]?["invite"])
        #expect(again.id == room)
    }

    @Test func usersWhoWantNoInvitationsGetNotices() async throws {
        let scene = try await scene(joins: true)
        _ = try await scene.server.call(
            .put, "/user/\(Self.bob)/account_data/m.invite_permission_config", ["default_action": "block"],
            token: scene.bob)
        let path = Self.path + "/txn"
        let first = try await scene.server.call(.put, path, Self.notice, token: scene.admin)
        #expect(first.status == 200, "\(first.json)")
        let second = try await scene.server.call(.put, path, Self.notice, token: scene.admin)
        #expect(second["event_id"] == first["event_id"])
        let sync = try await scene.server.call(.get, "/sync", token: scene.bob)
        let (_, room) = try only(sync["rooms"]?["join"])
        let messages = room["timeline"]?["events"]?.arrayValue?.filter { $0["type"] == "m.room.message" }
        #expect(messages?.count == 1)
        var state = Self.notice.objectValue ?? [:]
        state["type"] = "m.room.pinned_events"
        state["state_key"] = ""
        state["content"] = ["pinned": .array([first["event_id"] ?? .null])]
        #expect(try await scene.server.call(.post, Self.path, .object(state), token: scene.admin).status == 200)
    }

    @Test func whoMayAndWhoMayNot() async throws {
        let scene = try await scene()
        #expect(try await scene.server.call(.post, Self.path, Self.notice, token: scene.bob).status == 403)
        for (body, status) in [
            (["user_id": "@nobody:example.org", "content": [:]] as JSONValue, 404),
            (["user_id": "@bob:elsewhere.org", "content": [:]], 400), (["user_id": "bob", "content": [:]], 400),
            (["user_id": "@bob:example.org"], 400), (["content": [:]], 400),
        ] {
            let answer = try await scene.server.call(.post, Self.path, body, token: scene.admin)
            #expect(answer.status == status, "\(body): \(answer.json)")
        }
        let plain = try InProcessServer()
        let admin = try await plain.register("admin")
        _ = try await plain.register("bob")
        try await plain.makeAdmin("admin")
        #expect(try await plain.call(.post, Self.path, Self.notice, token: admin).status == 400, "not configured")
    }

    @Test func capabilities() async throws {
        let scene = try await scene()
        let own = try await scene.server.call(.get, "/capabilities", token: scene.admin)["capabilities"]
        #expect(own?["m.account_moderation"] == ["suspend": true, "lock": true])
        let other = try await scene.server.call(.get, "/capabilities", token: scene.bob)["capabilities"]
        #expect(other?["m.account_moderation"] == nil && other?["m.forget_forced_upon_leave"] == ["enabled": false])
        let versions = try await scene.server.call(.get, "/_matrix/client/versions")["versions"]
        #expect(versions?.arrayValue?.last == "v1.19")
    }
}
