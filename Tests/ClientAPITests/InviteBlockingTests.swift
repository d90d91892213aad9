import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

/// The invite permission module, and what ignoring a user hides.
@Suite struct InviteBlockingTests {
    private static let bob = "@bob:example.org"

    private func block(
        _ server: InProcessServer, _ token: String, type: String = "m.invite_permission_config"
    )
        async throws
    {
        let answer = try await server.call(
            .put, "/user/\(Self.bob)/account_data/\(type)", ["default_action": "block"], token: token)
        #expect(answer.status == 200, "\(answer.json)")
    }

    @Test(arguments: ["m.invite_permission_config", "org.matrix.msc4380.invite_permission_config"])
    func invitationsAreRefused(type: String) async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        try await block(server, bob, type: type)
        let member = "/rooms/\(room)/state/m.room.member/\(Self.bob)"
        let refusals = [
            try await server.call(.post, "/rooms/\(room)/invite", ["user_id": .string(Self.bob)], token: alice),
            try await server.call(.put, member, ["membership": "invite"], token: alice),
            try await server.call(.post, "/createRoom", ["invite": [.string(Self.bob)]], token: alice),
        ]
        for refusal in refusals {
            #expect(refusal.status == 403 && refusal.errcode == "M_INVITE_BLOCKED", "\(refusal.json)")
        }
        #expect(try await server.call(.post, "/rooms/\(room)/join", token: bob).status == 200, "only invites are")
        _ = try await server.call(.put, "/user/\(Self.bob)/account_data/\(type)", [:], token: bob)
        let other = try await server.createRoom(alice)
        let invited = try await server.call(
            .post, "/rooms/\(other)/invite", ["user_id": .string(Self.bob)], token: alice)
        #expect(invited.status == 200, "\(invited.json)")
    }

    @Test func invitationsFromBeforeAreNotShown() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let start = try #require(try await server.call(.get, "/sync", token: bob)["next_batch"]?.stringValue)
        let room = try await server.createRoom(alice, ["preset": "private_chat", "invite": [.string(Self.bob)]])
        func shown() async throws -> [Bool] {
            let first = try await server.call(.get, "/sync", token: bob)
            let next = try await server.call(.get, "/sync?since=\(start)", token: bob)
            let old = try await server.call(.get, "/initialSync", token: bob)
            let events = try await server.call(.get, "/events?timeout=0&from=\(start)", token: bob)
            return [
                first["rooms"]?["invite"]?[room] != nil, next["rooms"]?["invite"]?[room] != nil,
                old["rooms"]?.arrayValue?.isEmpty == false,
                events["chunk"]?.arrayValue?.contains { $0["room_id"] == .string(room) } == true,
            ]
        }
        #expect(try await shown() == [true, true, true, true])
        try await block(server, bob)
        #expect(try await shown() == [false, false, false, false])
        _ = try await server.call(.put, "/user/\(Self.bob)/account_data/m.invite_permission_config", [:], token: bob)
        #expect(try await shown() == [true, true, true, true])
        let list: JSONValue = ["ignored_users": ["@alice:example.org": [:]]]
        _ = try await server.call(.put, "/user/\(Self.bob)/account_data/m.ignored_user_list", list, token: bob)
        #expect(try await shown() == [false, false, false, false])
    }

    @Test func ignoredMessagesAreNotShown() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        func say(_ text: String, _ token: String) async throws -> String {
            let sent = try await server.call(
                .put, "/rooms/\(room)/send/m.room.message/\(text)", ["msgtype": "m.text", "body": .string(text)],
                token: token)
            return try #require(sent["event_id"]?.stringValue)
        }
        let own = try await say("own", bob)
        let ignored = try await say("ignored", alice)
        _ = try await server.call(.put, "/rooms/\(room)/state/m.room.topic", ["topic": "x"], token: alice)
        let list: JSONValue = ["ignored_users": ["@alice:example.org": [:]]]
        _ = try await server.call(.put, "/user/\(Self.bob)/account_data/m.ignored_user_list", list, token: bob)
        let page = try await server.call(.get, "/rooms/\(room)/messages?dir=b&limit=100", token: bob)["chunk"]
        let context = try await server.call(.get, "/rooms/\(room)/context/\(own)", token: bob)["events_after"]
        for events in [page?.arrayValue ?? [], context?.arrayValue ?? []] {
            #expect(!events.contains { $0["event_id"] == .string(ignored) })
            #expect(events.contains { $0["type"] == "m.room.topic" }, "state events are still sent")
        }
    }
}
