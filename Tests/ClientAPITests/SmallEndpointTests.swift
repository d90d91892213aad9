import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

@Suite struct SmallEndpointTests {
    @Test func presence() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let path = "/presence/@alice:example.org/status"
        let set = try await server.call(.put, path, ["presence": "unavailable", "status_msg": "tea"], token: alice)
        #expect(set.status == 200, "\(set.json)")
        #expect(try await server.call(.get, path, token: alice)["status_msg"] == "tea")
        #expect(try await server.call(.get, path, token: bob).status == 403, "they share no room")
        #expect(try await server.call(.put, path, ["presence": "online"], token: bob).status == 403)
        #expect(try await server.call(.put, path, ["presence": "asleep"], token: alice).status == 400)
        let room = try await server.createRoom(alice)
        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        let first = try await server.call(.get, "/sync", token: bob)
        let seen = first["presence"]?["events"]?.arrayValue?.first { $0["sender"] == "@alice:example.org" }
        #expect(seen?["content"]?["presence"] == "unavailable" && seen?["content"]?["status_msg"] == "tea")
        let since = try #require(first["next_batch"]?.stringValue)
        let quiet = try await server.call(.get, "/sync?since=\(since)", token: bob)
        #expect(quiet["presence"]?["events"]?.arrayValue?.contains { $0["sender"] == "@alice:example.org" } == false)
        _ = try await server.call(.put, path, ["presence": "online"], token: alice)
        let news = try await server.call(.get, "/sync?since=\(since)&timeout=2000", token: bob)
        let changed = news["presence"]?["events"]?.arrayValue?.first { $0["sender"] == "@alice:example.org" }
        #expect(changed?["content"]?["presence"] == "online", "\(news.json)")
        #expect(changed?["content"]?["status_msg"] == nil)
    }

    @Test func reports() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        let sent = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/1", ["msgtype": "m.text", "body": "x"], token: alice)
        let event = try #require(sent["event_id"]?.stringValue)
        let reason: JSONValue = ["reason": "spam", "score": -100]
        #expect(
            try await server.call(.post, "/rooms/\(room)/report/\(event)", reason, token: alice).status == 200)
        #expect(try await server.call(.post, "/rooms/\(room)/report/\(event)", reason, token: bob).status == 404)
        #expect(try await server.call(.post, "/rooms/\(room)/report", reason, token: bob).status == 200)
        #expect(
            try await server.call(.post, "/rooms/!no:example.org/report", reason, token: bob).status == 404)
        #expect(
            try await server.call(.post, "/users/@alice:example.org/report", reason, token: bob).status == 200)
        #expect(
            try await server.call(.post, "/users/@nobody:example.org/report", reason, token: bob).status == 404)
        #expect(
            try await server.call(.post, "/rooms/\(room)/report", ["reason": 5], token: bob).errcode == "M_BAD_JSON")
    }

    @Test func spaces() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let space = try await server.createRoom(
            alice, ["preset": "public_chat", "name": "space", "creation_content": ["type": "m.space"]])
        let inner = try await server.createRoom(
            alice, ["preset": "public_chat", "name": "inner", "creation_content": ["type": "m.space"]])
        let first = try await server.createRoom(alice, ["preset": "public_chat", "name": "first"])
        let hidden = try await server.createRoom(alice, ["preset": "private_chat", "name": "hidden"])
        func adopt(_ parent: String, _ child: String, _ content: JSONValue) async throws {
            let answer = try await server.call(
                .put, "/rooms/\(parent)/state/m.space.child/\(child)", content, token: alice)
            #expect(answer.status == 200, "\(answer.json)")
        }
        try await adopt(space, first, ["via": ["example.org"], "order": "b", "suggested": true])
        try await adopt(space, inner, ["via": ["example.org"], "order": "a"])
        try await adopt(space, hidden, ["via": ["example.org"]])
        // A loop, which must end.
        try await adopt(inner, space, ["via": ["example.org"]])
        let path = "/_matrix/client/v1/rooms/\(space)/hierarchy"
        func names(_ query: String, _ token: String) async throws -> [String] {
            let answer = try await server.call(.get, path + query, token: token)
            return (answer["rooms"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        }
        let tree = try await server.call(.get, path, token: bob)
        #expect(try await names("", bob) == ["space", "inner", "first"], "\(tree.json)")
        #expect(try await names("", alice) == ["space", "inner", "first", "hidden"])
        #expect(tree["rooms"]?.arrayValue?.first?["children_state"]?.arrayValue?.count == 3)
        #expect(try await names("?suggested_only=true", bob) == ["space", "first"])
        #expect(try await names("?max_depth=0", bob) == ["space"])
        let page = try await server.call(.get, path + "?limit=2", token: bob)
        let next = try #require(page["next_batch"]?.stringValue)
        #expect(try await names("?limit=2&from=\(next)", bob) == ["first"])
        let changed = try await server.call(.get, path + "?max_depth=1&from=\(next)", token: bob)
        #expect(changed.status == 400 && changed.errcode == "M_INVALID_PARAM")
        #expect(
            try await server.call(.get, "/_matrix/client/v1/rooms/\(hidden)/hierarchy", token: bob).status == 403)

        let summary = try await server.call(.get, "/_matrix/client/v1/room_summary/\(space)", token: alice)
        #expect(summary["name"] == "space" && summary["room_type"] == "m.space" && summary["membership"] == "join")
        #expect(summary["room_version"] == "12" && summary["join_rule"] == "public")
        let open = try await server.call(.get, "/_matrix/client/v1/room_summary/\(first)")
        #expect(open.status == 200 && open["membership"] == nil, "\(open.json)")
        let closed = try await server.call(.get, "/_matrix/client/v1/room_summary/\(hidden)", token: bob)
        #expect(closed.status == 404 && closed.errcode == "M_NOT_FOUND")
    }

    @Test func mutualRoomsOpenIDAndTime() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        _ = try await server.createRoom(alice)
        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        let path = "/_matrix/client/v1/mutual_rooms"
        let mutual = try await server.call(.get, path + "?user_id=@alice:example.org", token: bob)
        #expect(mutual["joined"] == [.string(room)] && mutual["count"] == 1, "\(mutual.json)")
        #expect(try await server.call(.get, path + "?user_id=@bob:example.org", token: bob).status == 400)
        #expect(try await server.call(.get, path, token: bob).status == 400)
        #expect(
            try await server.call(.get, path + "?user_id=@x:example.org", token: bob)["joined"] == [])

        let token = try await server.call(
            .post, "/user/@bob:example.org/openid/request_token", [:], token: bob)
        let access = try #require(token["access_token"]?.stringValue)
        let info = try await server.call(.get, "/_matrix/federation/v1/openid/userinfo?access_token=\(access)")
        #expect(info["sub"] == "@bob:example.org")
        #expect(
            try await server.call(.get, "/_matrix/federation/v1/openid/userinfo?access_token=x").errcode
                == "M_UNKNOWN_TOKEN")
        #expect(
            try await server.call(.post, "/user/@alice:example.org/openid/request_token", [:], token: bob).status
                == 403)

        let sent = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/1", ["msgtype": "m.text", "body": "x"], token: alice)
        let base = "/_matrix/client/v1/rooms/\(room)/timestamp_to_event"
        let last = try await server.call(.get, base + "?dir=b&ts=99999999999999", token: bob)
        #expect(last["event_id"] == sent["event_id"], "\(last.json)")
        let oldest = try await server.call(.get, base + "?dir=f&ts=0", token: alice)
        #expect(oldest["event_id"] != sent["event_id"])
        #expect(try await server.call(.get, base + "?dir=b&ts=0", token: alice).status == 404)
        #expect(try await server.call(.get, base + "?ts=0", token: alice).status == 400)
    }

    @Test func lockingAndSuspending() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        _ = try await server.register("bob")
        let base = "/_matrix/client/v1/admin/suspend/"
        #expect(try await server.call(.get, base + "@bob:example.org", token: alice).status == 403)
        let whois = try await server.call(.get, "/admin/whois/@alice:example.org", token: alice)
        #expect(whois["user_id"] == "@alice:example.org" && whois["devices"] != nil)
        #expect(try await server.call(.get, "/admin/whois/@bob:example.org", token: alice).status == 403)
        try await server.makeAdmin("alice")
        #expect(try await server.call(.get, base + "@bob:example.org", token: alice)["suspended"] == false)
        let set = try await server.call(.put, base + "@bob:example.org", ["suspended": true], token: alice)
        #expect(set["suspended"] == true)
        #expect(try await server.call(.get, base + "@bob:example.org", token: alice)["suspended"] == true)
        #expect(
            try await server.call(.put, base + "@alice:example.org", ["suspended": true], token: alice).status == 403)
        #expect(try await server.call(.get, base + "@bob:elsewhere.org", token: alice).status == 400)
        #expect(try await server.call(.get, base + "@nobody:example.org", token: alice).status == 404)
    }

    @Test func whoMeetsInARoomHearsOfEachOther() async throws {
        let server = try InProcessServer()
        let (alice, bob) = (try await server.register("alice"), try await server.register("bob"))
        let room = try await server.createRoom(alice)
        func sync(_ token: String, since: String?) async throws -> (heard: [String], next: String) {
            let answer = try await server.call(
                .get, "/sync?timeout=0" + (since.map { "&since=\($0)" } ?? ""), token: token)
            let heard = answer["presence"]?["events"]?.arrayValue?.compactMap { $0["sender"]?.stringValue } ?? []
            return (heard.sorted(), try #require(answer["next_batch"]?.stringValue))
        }
        // Both are online, and strangers.
        var alices = try await sync(alice, since: try await sync(alice, since: nil).next)
        var bobs = try await sync(bob, since: try await sync(bob, since: nil).next)
        #expect(!alices.heard.contains("@bob:example.org") && !bobs.heard.contains("@alice:example.org"))
        _ = try await server.call(.post, "/join/\(room)", token: bob)
        bobs = try await sync(bob, since: bobs.next)
        #expect(bobs.heard.contains("@alice:example.org"))
        alices = try await sync(alice, since: alices.next)
        #expect(alices.heard.contains("@bob:example.org"))
        #expect(try await sync(alice, since: alices.next).heard.isEmpty)
        #expect(try await sync(bob, since: bobs.next).heard.isEmpty)
    }
}
