import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

@Suite struct RoomTests {
    @Test func aConversation() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice, ["preset": "private_chat", "name": "tea", "topic": "party"])
        #expect(
            try await server.call(.post, "/rooms/\(room)/invite", ["user_id": "@bob:example.org"], token: alice).status
                == 200)
        let invited = try await server.call(.get, "/sync", token: bob)
        #expect(invited["rooms"]?["invite"]?[room] != nil, "\(invited.json)")
        #expect(try await server.call(.post, "/rooms/\(room)/join", token: bob)["room_id"] == .string(room))
        let first = try await server.call(.get, "/sync", token: bob)
        let since = try #require(first["next_batch"]?.stringValue)
        let path = "/rooms/\(room)/send/m.room.message/t1"
        let sent = try await server.call(.put, path, ["msgtype": "m.text", "body": "hello"], token: alice)
        let eventID = try #require(sent["event_id"]?.stringValue)
        // The same transaction again is the same event.
        #expect(
            try await server.call(.put, path, ["msgtype": "m.text", "body": "hello"], token: alice)["event_id"]
                == sent["event_id"])
        let news = try await server.call(.get, "/sync?since=\(since)&timeout=1000", token: bob)
        let timeline = news["rooms"]?["join"]?[room]?["timeline"]?["events"]?.arrayValue
        #expect(timeline?.last?["content"]?["body"] == "hello", "\(news.json)")
        let event = try await server.call(.get, "/rooms/\(room)/event/\(eventID)", token: bob)
        #expect(event["sender"] == "@alice:example.org" && event["room_id"] == .string(room))
        let messages = try await server.call(.get, "/rooms/\(room)/messages?dir=b&limit=3", token: bob)
        #expect(messages["chunk"]?.arrayValue?.first?["event_id"] == .string(eventID))
        let context = try await server.call(.get, "/rooms/\(room)/context/\(eventID)?limit=4", token: bob)
        #expect(context["event"]?["event_id"] == .string(eventID))
        let redaction = try await server.call(
            .put, "/rooms/\(room)/redact/\(eventID)/t2", ["reason": "oops"], token: alice)
        #expect(redaction.status == 200, "\(redaction.json)")
        let redacted = try await server.call(.get, "/rooms/\(room)/event/\(eventID)", token: bob)
        #expect(redacted["content"] == .object([:]))
        #expect(redacted["unsigned"]?["redacted_because"] != nil)
        #expect(try await server.call(.post, "/rooms/\(room)/leave", token: bob).status == 200)
        #expect(try await server.call(.post, "/rooms/\(room)/forget", token: bob).status == 200)
        #expect(try await server.call(.get, "/joined_rooms", token: bob)["joined_rooms"] == [])
    }

    @Test func state() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        for path in ["/rooms/\(room)/state/m.room.topic", "/rooms/\(room)/state/m.room.topic/"] {
            let put = try await server.call(.put, path, ["topic": .string(path)], token: alice)
            #expect(put.status == 200, "\(put.json)")
            #expect(try await server.call(.get, path, token: alice)["topic"] == .string(path))
        }
        let full = try await server.call(.get, "/rooms/\(room)/state/m.room.topic?format=event", token: alice)
        #expect(full["type"] == "m.room.topic" && full["state_key"] == "")
        let missing = try await server.call(.get, "/rooms/\(room)/state/m.room.nothing/x", token: alice)
        #expect(missing.status == 404 && missing.errcode == "M_NOT_FOUND")
        #expect(try await server.call(.get, "/rooms/\(room)/state", token: alice).json.arrayValue?.isEmpty == false)
        #expect(
            try await server.call(.get, "/rooms/\(room)/members", token: alice)["chunk"]?.arrayValue?.count == 1)
        let bob = try await server.register("bob")
        #expect(try await server.call(.get, "/rooms/\(room)/state", token: bob).status == 403)
        #expect(try await server.call(.get, "/rooms/!nothing:example.org/state", token: bob).status == 403)
        let bad: [(String, JSONValue, String)] = [
            ("m.room.topic", ["topic": 1.5], "M_BAD_JSON"),
            ("m.room.member/@x:example.org", ["membership": 1], "M_BAD_JSON"),
        ]
        for (path, body, errcode) in bad {
            let answer = try await server.call(.put, "/rooms/\(room)/state/\(path)", body, token: alice)
            #expect(answer.status == 400 && answer.errcode == errcode, "\(answer.json)")
        }
    }

    @Test func moderation() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        func act(_ verb: String, _ token: String) async throws -> InProcessServer.Answer {
            try await server.call(
                .post, "/rooms/\(room)/\(verb)", ["user_id": "@bob:example.org", "reason": "r"], token: token)
        }
        #expect(try await server.call(.post, "/join/\(room)", token: bob).status == 200)
        #expect(try await act("kick", alice).status == 200)
        #expect(try await act("ban", alice).status == 200)
        #expect(try await server.call(.post, "/join/\(room)", token: bob).status == 403)
        #expect(try await act("unban", bob).status == 403)
        #expect(try await act("unban", alice).status == 200)
        #expect(try await server.call(.post, "/join/\(room)", token: bob).status == 200)
        for verb in ["kick", "ban", "unban", "invite"] {
            let missing = try await server.call(.post, "/rooms/\(room)/\(verb)", [:], token: alice)
            #expect(missing.status == 400 && missing.errcode == "M_MISSING_PARAM", "\(verb) \(missing.json)")
            let wrong = try await server.call(.post, "/rooms/\(room)/\(verb)", ["user_id": 1], token: alice)
            #expect(wrong.status == 400 && wrong.errcode == "M_BAD_JSON", "\(verb) \(wrong.json)")
            let noID = try await server.call(.post, "/rooms/\(room)/\(verb)", ["user_id": "bob"], token: alice)
            #expect(noID.status == 400 && noID.errcode == "M_INVALID_PARAM", "\(verb) \(noID.json)")
        }
    }

    @Test func directory() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(
            alice, ["preset": "public_chat", "room_alias_name": "tea", "visibility": "public", "name": "Tea"])
        let alias = "%23tea:example.org"
        let known = try await server.call(.get, "/directory/room/\(alias)")
        #expect(known["room_id"] == .string(room) && known["servers"] == ["example.org"])
        let other = "%23coffee:example.org"
        let put = try await server.call(.put, "/directory/room/\(other)", ["room_id": .string(room)], token: alice)
        #expect(put.status == 200)
        let again = try await server.call(.put, "/directory/room/\(other)", ["room_id": .string(room)], token: alice)
        #expect(again.status == 409)
        let aliases = try await server.call(.get, "/rooms/\(room)/aliases", token: alice)
        #expect(aliases["aliases"]?.arrayValue?.count == 2)
        #expect(try await server.call(.delete, "/directory/room/\(other)", token: alice).status == 200)
        #expect(try await server.call(.get, "/directory/room/\(other)").status == 404)
        #expect(try await server.call(.get, "/directory/room/nothing").errcode == "M_INVALID_PARAM")
        let bob = try await server.register("bob")
        let join = try await server.call(.post, "/join/\(alias)", token: bob)
        #expect(join["room_id"] == .string(room), "\(join.json)")
        let list = try await server.call(.get, "/publicRooms?limit=10", token: bob)
        #expect(list["chunk"]?.arrayValue?.first?["room_id"] == .string(room), "\(list.json)")
        let search = try await server.call(
            .post, "/publicRooms", ["filter": ["generic_search_term": "coffee"]], token: bob)
        #expect(search["chunk"] == [], "\(search.json)")
        #expect(try await server.call(.get, "/directory/list/room/\(room)")["visibility"] == "public")
        let hide = try await server.call(
            .put, "/directory/list/room/\(room)", ["visibility": "private"], token: alice)
        #expect(hide.status == 200)
        #expect(try await server.call(.get, "/directory/list/room/\(room)")["visibility"] == "private")
    }

    @Test func whatUsersKeep() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let user = "/user/@alice:example.org"
        let path = "\(user)/account_data/org.example.test"
        #expect(try await server.call(.get, path, token: alice).status == 404)
        #expect(try await server.call(.put, path, ["a": 1.5], token: alice).status == 200)
        #expect(try await server.call(.get, path, token: alice).json == ["a": 1.5])
        #expect(try await server.call(.put, path, token: alice, raw: "[]").errcode == "M_BAD_JSON")
        for type in ["m.fully_read", "m.push_rules"] {
            #expect(try await server.call(.put, "\(user)/account_data/\(type)", [:], token: alice).status == 405)
        }
        let others = "/user/@bob:example.org/account_data/x"
        #expect(try await server.call(.get, others, token: alice).errcode == "M_FORBIDDEN")
        let inRoom = "\(user)/rooms/\(room)/account_data/org.example.test"
        #expect(try await server.call(.put, inRoom, ["b": 2], token: alice).status == 200)
        #expect(try await server.call(.get, inRoom, token: alice).json == ["b": 2])
        let tag = "\(user)/rooms/\(room)/tags/u.work"
        #expect(try await server.call(.put, tag, ["order": 0.5], token: alice).status == 200)
        #expect(
            try await server.call(.get, "\(user)/rooms/\(room)/tags", token: alice)["tags"] == [
                "u.work": ["order": 0.5]
            ])
        #expect(try await server.call(.delete, tag, token: alice).status == 200)
        let filter: JSONValue = ["room": ["timeline": ["limit": 3]]]
        let stored = try await server.call(.post, "\(user)/filter", filter, token: alice)
        let filterID = try #require(stored["filter_id"]?.stringValue)
        #expect(try await server.call(.get, "\(user)/filter/\(filterID)", token: alice).json == filter)
        #expect(try await server.call(.get, "/sync?filter=\(filterID)", token: alice).status == 200)
        #expect(try await server.call(.get, "/sync?filter=nothing", token: alice).status == 400)
        #expect(try await server.call(.get, "/sync?since=nothing", token: alice).errcode == "M_INVALID_PARAM")
        #expect(
            try await server.call(.post, "\(user)/filter", ["room": 5], token: alice).errcode == "M_BAD_JSON")
        #expect(try await server.call(.get, "/pushrules/", token: alice)["global"] != nil)
        #expect(
            try await server.call(.get, "/pushrules/global/override/.m.rule.master/enabled", token: alice)["enabled"]
                == false)
    }

    @Test func profiles() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let path = "/profile/@alice:example.org"
        #expect(
            try await server.call(.put, "\(path)/displayname", ["displayname": "Alice"], token: alice).status == 200)
        let members = try await server.call(.get, "/rooms/\(room)/joined_members", token: alice)
        #expect(members["joined"]?["@alice:example.org"]?["display_name"] == "Alice", "\(members.json)")
        #expect(
            try await server.call(.put, "\(path)/org.example.pet", ["org.example.pet": ["cat": 1]], token: alice).status
                == 200)
        #expect(
            try await server.call(.get, path).json == ["displayname": "Alice", "org.example.pet": ["cat": 1]])
        #expect(try await server.call(.delete, "\(path)/org.example.pet", token: alice).status == 200)
        #expect(try await server.call(.get, "\(path)/org.example.pet").status == 404)
        let long = "a" + String(repeating: "b", count: 255)
        #expect(try await server.call(.put, "\(path)/\(long)", [:], token: alice).errcode == "M_KEY_TOO_LARGE")
        let big = JSONValue.string(String(repeating: "x", count: 65_536))
        #expect(
            try await server.call(.put, "\(path)/org.example.big", ["org.example.big": big], token: alice).errcode
                == "M_PROFILE_TOO_LARGE")
        #expect(try await server.call(.put, "\(path)/m.tz", [:], token: alice).errcode == "M_MISSING_PARAM")
        #expect(try await server.call(.put, "\(path)/A!", [:], token: alice).errcode == "M_INVALID_PARAM")
        #expect(try await server.call(.get, "/profile/@nobody:example.org").status == 404)
    }

    @Test func typingAndReceipts() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let first = try await server.call(.get, "/sync", token: alice)
        let since = try #require(first["next_batch"]?.stringValue)
        let path = "/rooms/\(room)/typing/@alice:example.org"
        #expect(try await server.call(.put, path, ["typing": true, "timeout": 5000], token: alice).status == 200)
        let news = try await server.call(.get, "/sync?since=\(since)&timeout=1000", token: alice)
        let ephemeral = news["rooms"]?["join"]?[room]?["ephemeral"]?["events"]?.arrayValue
        #expect(ephemeral?.first?["content"]?["user_ids"] == ["@alice:example.org"], "\(news.json)")
        #expect(try await server.call(.put, path, [:], token: alice).errcode == "M_MISSING_PARAM")
        let sent = try await server.call(.post, "/rooms/\(room)/send/m.room.message", ["body": "x"], token: alice)
        let eventID = try #require(sent["event_id"]?.stringValue)
        let receipt = "/rooms/\(room)/receipt/m.read/\(eventID)"
        #expect(try await server.call(.post, receipt, token: alice).status == 200)
        #expect(try await server.call(.post, receipt, ["thread_id": 5], token: alice).errcode == "M_INVALID_PARAM")
        let markers = try await server.call(
            .post, "/rooms/\(room)/read_markers", ["m.fully_read": .string(eventID)], token: alice)
        #expect(markers.status == 200)
        let data = try await server.call(
            .get, "/user/@alice:example.org/rooms/\(room)/account_data/m.fully_read", token: alice)
        #expect(data.json == ["event_id": .string(eventID)])
    }
}
