import CanonicalJSON
import CommandHandling
import HTTPFront
import LogEvents
import Testing

@testable import ClientAPI

/// Invitations to rooms that nobody on this server is in.
@Suite struct OutsideRoomTests {
    private static let bob = "@bob:example.org"
    private static let room = "!far:elsewhere.example"

    private func set(
        _ membership: String, by sender: String = "@carol:elsewhere.example", on server: InProcessServer,
        state: [JSONObject] = []
    ) async throws {
        let event: JSONObject = [
            "auth_events": [], "content": ["membership": .string(membership)], "depth": 7,
            "origin_server_ts": 1_700_000_000_000, "prev_events": ["$unknown"], "room_id": .string(Self.room),
            "sender": .string(sender), "state_key": .string(Self.bob), "type": "m.room.member",
        ]
        try await server.api.rooms.setOutsideMembership(
            OutsideMembershipSet(
                userID: Self.bob, roomID: Self.room, roomVersion: "11", eventID: "$\(membership)-event", event: event,
                roomState: state, origin: "elsewhere.example"),
            actor: sender, cause: "test")
    }

    private let name: JSONObject = [
        "type": "m.room.name", "state_key": "", "sender": "@carol:elsewhere.example", "content": ["name": "Far away"],
    ]

    @Test func anInvitationIsShownWithTheStateThatCameWithIt() async throws {
        let server = try InProcessServer()
        let bob = try await server.register("bob")
        let start = try #require(try await server.call(.get, "/sync", token: bob)["next_batch"]?.stringValue)
        try await set("invite", on: server, state: [name])
        for target in ["/sync", "/sync?since=\(start)"] {
            let answer = try await server.call(.get, target, token: bob)
            let events = answer["rooms"]?["invite"]?[Self.room]?["invite_state"]?["events"]?.arrayValue ?? []
            #expect(events.count == 2, "\(answer.json)")
            #expect(events.first?["content"]?["name"] == "Far away")
            #expect(events.last?["content"]?["membership"] == "invite")
            #expect(events.last?["sender"] == "@carol:elsewhere.example")
        }
        // Nothing else is known of the room.
        #expect(try await server.call(.get, "/rooms/\(Self.room)/state", token: bob).status == 403)
        #expect(try await server.call(.get, "/rooms/\(Self.room)/messages?dir=b", token: bob).status == 403)
        let joined = try await server.call(.get, "/joined_rooms", token: bob)
        #expect(joined["joined_rooms"] == .array([]))
    }

    @Test func itsEndIsToldOnce() async throws {
        let server = try InProcessServer()
        let bob = try await server.register("bob")
        try await set("invite", on: server, state: [name])
        let invited = try #require(try await server.call(.get, "/sync", token: bob)["next_batch"]?.stringValue)
        try await set("leave", on: server)
        let answer = try await server.call(.get, "/sync?since=\(invited)", token: bob)
        let timeline = answer["rooms"]?["leave"]?[Self.room]?["timeline"]
        #expect(timeline?["events"]?.arrayValue?.first?["content"]?["membership"] == "leave", "\(answer.json)")
        let next = try #require(answer["next_batch"]?.stringValue)
        let later = try await server.call(.get, "/sync?since=\(next)", token: bob)
        #expect(later["rooms"]?["leave"]?[Self.room] == nil)
        let anew = try await server.call(.get, "/sync", token: bob)
        #expect(anew["rooms"]?["invite"]?[Self.room] == nil && anew["rooms"]?["leave"]?[Self.room] == nil)
        #expect(try await server.call(.post, "/rooms/\(Self.room)/forget", [:], token: bob).status == 200)
    }

    @Test func slidingSyncShowsItToo() async throws {
        let server = try InProcessServer()
        let bob = try await server.register("bob")
        try await set("invite", on: server, state: [name])
        let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
        let body: JSONValue = ["lists": ["all": ["ranges": [[0, 9]], "timeline_limit": 1, "required_state": []]]]
        let answer = try await server.call(.post, path, body, token: bob)
        let events = answer["rooms"]?[Self.room]?["invite_state"]?.arrayValue ?? []
        #expect(events.contains { $0["content"]?["name"] == "Far away" }, "\(answer.json)")
        try await set("leave", on: server)
        let position = try #require(answer["pos"]?.stringValue)
        #expect(try await server.call(.post, "\(path)?pos=\(position)", body, token: bob).status == 200)
    }

    @Test func ignoredPeopleInviteNobody() async throws {
        let server = try InProcessServer()
        let bob = try await server.register("bob")
        let list: JSONValue = ["ignored_users": ["@carol:elsewhere.example": [:]]]
        _ = try await server.call(
            .put, "/user/\(Self.bob)/account_data/m.ignored_user_list", list, token: bob)
        try await set("invite", on: server)
        let answer = try await server.call(.get, "/sync", token: bob)
        #expect(answer["rooms"]?["invite"]?[Self.room] == nil, "\(answer.json)")
    }

    @Test func nobodyElsewhereIsInvitedWithoutTheirServer() async throws {
        let server = try InProcessServer()
        let bob = try await server.register("bob")
        let room = try await server.createRoom(bob)
        let carol = "@carol:elsewhere.example"
        let answers = [
            try await server.call(
                .put, "/rooms/\(room)/state/m.room.member/\(carol)", ["membership": "invite"], token: bob),
            try await server.call(.post, "/rooms/\(room)/invite", ["user_id": .string(carol)], token: bob),
        ]
        for answer in answers { #expect(answer.status == 403, "\(answer.json)") }
        let state = try await server.call(.get, "/rooms/\(room)/state/m.room.member/\(carol)", token: bob)
        #expect(state.status == 404)
    }
}
