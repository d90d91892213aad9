import CanonicalJSON
import CommandHandling
import EventSigning
import HTTPFront
import MatrixEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions
import Testing

/// Restricted joins, leaving and knocking.
@Suite struct HandshakeTests {
    private func restrict(
        _ room: RoomID, to rooms: [String], rule: String = "restricted", _ server: ResidentServer, _ caller: Caller
    ) async throws {
        let allow = rooms.map { JSONValue.object(["type": "m.room_membership", "room_id": .string($0)]) }
        try await server.set(
            "m.room.join_rules", "", ["join_rule": .string(rule), "allow": .array(allow)], in: room, caller)
    }

    @Test(arguments: [("8", "restricted"), ("10", "knock_restricted"), ("12", "restricted")])
    func restrictedRoomsAreJoined(_ version: String, _ rule: String) async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let lobby = try await server.room(of: alice, version: version)
        let room = try await server.room(of: alice, version: version)
        try await restrict(room, to: [lobby.rawValue], rule: rule, server, alice)
        let target = "/make_join/\(room)/@bob:there?ver=\(version)"
        // "If the joining server fails all conditions then a 403 `M_FORBIDDEN` error is used".
        let outside = try await server.call(.get, target)
        #expect(outside.status == 403 && outside.errcode == "M_FORBIDDEN", "\(outside.json)")
        try await server.join("@bob:there", to: lobby)
        let made = try await server.call(.get, target)
        #expect(made.status == 200, "\(made.json)")
        #expect(made["event"]?["content"]?["join_authorised_via_users_server"] == "@alice:here")
        let event = try OtherServer("there").sign(made)
        let sent = try await server.call(
            .put, "/_matrix/federation/v2/send_join/\(room)/\(event.eventID.inPath)", .object(event.object))
        #expect(sent.status == 200, "\(sent.json)")
        #expect(sent["event"]?["signatures"]?["here"]?["ed25519:k1"] != nil)
        let member = try RoomQueries(views: server.views).membership(room, try UserID(parsing: "@bob:there"))
        #expect(member?.membership == .join)
    }

    /// The event of one who has left the room that let them in is not vouched for.
    @Test func conditionsAreLookedAtAgain() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let lobby = try await server.room(of: alice, version: "10")
        let room = try await server.room(of: alice, version: "10")
        try await restrict(room, to: [lobby.rawValue], server, alice)
        try await server.join("@bob:there", to: lobby)
        let made = try await server.call(.get, "/make_join/\(room)/@bob:there?ver=10")
        try await server.leave("@bob:there", lobby)
        let event = try OtherServer("there").sign(made)
        let target = "/_matrix/federation/v2/send_join/\(room)/\(event.eventID.inPath)"
        let sent = try await server.call(.put, target, .object(event.object))
        #expect(sent.status == 403 && sent.errcode == "M_FORBIDDEN", "\(sent.json)")
        // An invitation needs no conditions.
        try await server.invite("@carol:there", to: room, by: alice)
        let invited = try await server.call(.get, "/make_join/\(room)/@carol:there?ver=10")
        #expect(invited.status == 200, "\(invited.json)")
        #expect(invited["event"]?["content"] == ["membership": "join"])
        #expect(try await server.join("@carol:there", to: room).answer.status == 200)
    }

    @Test func whoCannotTellSaysSo() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let lobby = try await server.room(of: alice, version: "10")
        let room = try await server.room(of: alice, version: "10")
        try await restrict(room, to: ["!unknown:elsewhere", lobby.rawValue], server, alice)
        let target = "/make_join/\(room)/@bob:there?ver=10"
        let unknown = try await server.call(.get, target)
        #expect(unknown.status == 400 && unknown.errcode == "M_UNABLE_TO_AUTHORISE_JOIN", "\(unknown.json)")
        // One that is met is enough; but nobody here may invite.
        try await server.join("@bob:there", to: lobby)
        #expect(try await server.call(.get, target).status == 200)
        try await server.set(
            "m.room.power_levels", "", ["users": ["@alice:here": 50], "invite": 100], in: room, alice)
        let powerless = try await server.call(.get, target)
        #expect(powerless.status == 400 && powerless.errcode == "M_UNABLE_TO_GRANT_JOIN", "\(powerless.json)")
        // "If no conditions are available, […] the joining server is considered to have failed all conditions."
        try await restrict(room, to: [], server, alice)
        #expect(try await server.call(.get, target).errcode == "M_FORBIDDEN")
    }

    @Test(arguments: ["1", "7", "12"])
    func leaves(_ version: String) async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: version)
        try await server.join("@bob:there", to: room)
        try await server.leave("@bob:there", room)
        let queries = RoomQueries(views: server.views)
        #expect(try queries.membership(room, try UserID(parsing: "@bob:there"))?.membership == .leave)
        // One who never was in the room has nothing to leave.
        let stranger = try await server.call(.get, "/make_leave/\(room)/@carol:there")
        #expect(stranger.status == 403 && stranger.errcode == "M_FORBIDDEN", "\(stranger.json)")
        // An invitation is turned down.
        try await server.invite("@dave:there", to: room, by: alice)
        try await server.leave("@dave:there", room)
        #expect(try queries.membership(room, try UserID(parsing: "@dave:there"))?.membership == .leave)
        let v1 = try await server.call(.put, "/send_leave/\(room)/$x", [:])
        #expect(v1.status == 404 && v1.errcode == "M_UNRECOGNIZED")
    }

    @Test(arguments: ["7", "10", "11", "12"])
    func knocks(_ id: String) async throws {
        let version = try #require(RoomVersion.named(id))
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: id, rule: "knock", more: ["name": "Door"])
        let target = "/make_knock/\(room)/@bob:there"
        #expect(try await server.call(.get, target).errcode == "M_MISSING_PARAM")
        let old = try await server.call(.get, target + "?ver=1&ver=6")
        #expect(old.errcode == "M_INCOMPATIBLE_ROOM_VERSION" && old["room_version"]?.stringValue == id)
        let made = try await server.call(.get, target + "?ver=1&ver=\(id)")
        #expect(made.status == 200 && made["event"]?["content"] == ["membership": "knock"], "\(made.json)")
        let event = try OtherServer("there").sign(made)
        let sent = try await server.call(.put, "/send_knock/\(room)/\(event.eventID.inPath)", .object(event.object))
        #expect(sent.status == 200, "\(sent.json)")
        let state = try #require(sent["knock_room_state"]?.arrayValue)
        let types = state.compactMap { $0["type"]?.stringValue }
        #expect(types == ["m.room.create", "m.room.name", "m.room.join_rules"])
        for entry in state {
            let pdu = try PDU(object: try #require(entry.objectValue), version: version)
            #expect(ContentHash.matches(pdu.object))
        }
        let queries = RoomQueries(views: server.views)
        #expect(try queries.membership(room, try UserID(parsing: "@bob:there"))?.membership == .knock)
        // A join is no knock.
        let join = try OtherServer("there").sign(made) { $0["content"] = ["membership": "join"] }
        let wrong = try await server.call(.put, "/send_knock/\(room)/x", .object(join.object))
        #expect(wrong.status == 400 && wrong.errcode == "M_INVALID_PARAM")
        // "Servers can retract knocks over federation by leaving the room".
        try await server.leave("@bob:there", room)
        #expect(try queries.membership(room, try UserID(parsing: "@bob:there"))?.membership == .leave)
    }

    @Test func knocksAreRefused() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let open = try await server.room(of: alice, version: "10")
        let old = try await server.room(of: alice, version: "6")
        for (room, version) in [(open, "10"), (old, "6")] {
            let answer = try await server.call(.get, "/make_knock/\(room)/@bob:there?ver=\(version)")
            #expect(answer.status == 403 && answer.errcode == "M_FORBIDDEN", "\(answer.json)")
        }
        #expect(try await server.call(.get, "/make_knock/!no:here/@bob:there?ver=10").status == 404)
    }
}
