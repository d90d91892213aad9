import CanonicalJSON
import HTTPFront
import Queries
import Testing

@testable import ClientAPI

/// `/events` and the two kinds of `initialSync`.
@Suite struct OldStreamTests {
    private static func has(_ type: String, in events: JSONValue?) -> Bool { first(events, type) != nil }

    private static func first(_ events: JSONValue?, _ type: String) -> JSONValue? {
        events?.arrayValue?.first { $0["type"] == .string(type) }
    }

    private func say(_ server: InProcessServer, _ room: String, _ text: String, _ token: String) async throws -> String
    {
        let sent = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/\(text)", ["msgtype": "m.text", "body": .string(text)],
            token: token)
        return try #require(sent["event_id"]?.stringValue, "\(sent.json)")
    }

    @Test func eventsOfAllRooms() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        let first = try await server.call(.get, "/events?timeout=0", token: alice)
        #expect(first.status == 200 && first["chunk"] == .array([]), "\(first.json)")
        #expect(first["start"] == first["end"])
        let from = try #require(first["end"]?.stringValue)

        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        let said = try await say(server, room, "hello", bob)
        _ = try await server.call(.post, "/rooms/\(room)/receipt/m.read/\(said)", [:], token: bob)
        _ = try await server.call(
            .put, "/rooms/\(room)/typing/@bob:example.org", ["typing": true, "timeout": 9000], token: bob)
        _ = try await server.call(.put, "/user/@alice:example.org/account_data/x.y", ["a": 1], token: alice)
        _ = try await server.call(
            .put, "/user/@alice:example.org/rooms/\(room)/account_data/x.z", ["a": 2], token: alice)
        let other = try await server.createRoom(bob, ["preset": "private_chat", "invite": ["@alice:example.org"]])

        let news = try await server.call(.get, "/events?timeout=2000&from=\(from)", token: alice)
        let chunk = news["chunk"]
        #expect(news["start"] == .string(from))
        let member = Self.first(chunk, "m.room.member")
        #expect(member?["state_key"] == "@bob:example.org" && member?["room_id"] == .string(room))
        let message = Self.first(chunk, "m.room.message")
        #expect(message?["event_id"] == .string(said) && message?["unsigned"]?["age"]?.integerValue != nil)
        let receipt = Self.first(chunk, "m.receipt")
        #expect(receipt?["room_id"] == .string(room))
        #expect(receipt?["content"]?[said]?["m.read"]?["@bob:example.org"]?["ts"] != nil, "\(news.json)")
        let typing = Self.first(chunk, "m.typing")
        #expect(typing?["room_id"] == .string(room) && typing?["content"]?["user_ids"] == ["@bob:example.org"])
        #expect(Self.first(chunk, "x.y")?["content"] == ["a": 1])
        #expect(Self.first(chunk, "x.z")?["room_id"] == .string(room))
        let presence = chunk?.arrayValue?.first { $0["content"]?["user_id"] == "@bob:example.org" }
        #expect(presence?["type"] == "m.presence" && presence?["content"]?["presence"] == "online", "\(news.json)")
        let invite = chunk?.arrayValue?.first { $0["room_id"] == .string(other) }
        #expect(invite?["content"]?["membership"] == "invite" && invite?["event_id"] != nil)
        let later = try #require(news["end"]?.stringValue)
        let quiet = try await server.call(.get, "/events?timeout=0&from=\(later)", token: alice)
        #expect(quiet["chunk"] == .array([]), "\(quiet.json)")
    }

    @Test func eventsComeInPagesAndNoneIsLost() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let rooms = [try await server.createRoom(alice), try await server.createRoom(alice)]
        for room in rooms { _ = try await server.call(.post, "/rooms/\(room)/join", token: bob) }
        var from = try #require(try await server.call(.get, "/events?timeout=0", token: alice)["end"]?.stringValue)
        var sent: [String] = []
        for number in 0..<9 { sent.append(try await say(server, rooms[number % 2], "\(number)", bob)) }
        _ = try await server.call(.post, "/rooms/\(rooms[0])/receipt/m.read/\(sent[8])", [:], token: bob)
        var seen: [String] = []
        var receipts = 0
        for _ in 0..<6 {
            let page = try await server.call(.get, "/events?timeout=0&limit=2&from=\(from)", token: alice)
            for event in page["chunk"]?.arrayValue ?? [] {
                if event["type"] == "m.room.message" { seen.append(event["event_id"]?.stringValue ?? "") }
                if event["type"] == "m.receipt" { receipts += 1 }
            }
            from = try #require(page["end"]?.stringValue)
        }
        #expect(seen == sent)
        #expect(receipts == 1)
    }

    @Test func eventsWakeUp() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let from = try #require(try await server.call(.get, "/events?timeout=0", token: alice)["end"]?.stringValue)
        async let waiting = server.call(.get, "/events?timeout=60000&from=\(from)", token: alice)
        while server.notifier.waiting == 0 { await Task.yield() }
        let said = try await say(server, room, "wake", alice)
        let news = try await waiting
        #expect(news["chunk"]?.arrayValue?.first?["event_id"] == .string(said), "\(news.json)")
    }

    @Test func badQuestions() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        for query in ["limit=x", "limit=-2", "timeout=x", "from=nonsense", "room_id=nonsense"] {
            let answer = try await server.call(.get, "/events?\(query)&timeout=0", token: alice)
            #expect(answer.status == 400, "\(query): \(answer.json)")
        }
        #expect(try await server.call(.get, "/initialSync?limit=hello", token: alice).status == 400)
        #expect(try await server.call(.get, "/initialSync?archived=perhaps", token: alice).status == 400)
        #expect(try await server.call(.get, "/rooms/!none:example.org/initialSync", token: alice).status == 403)
        #expect(try await server.call(.get, "/events/$none", token: alice).status == 404)
        #expect(try await server.call(.get, "/events").status == 401)
    }

    @Test func initialSync() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(bob, ["preset": "public_chat", "visibility": "public"])
        _ = try await server.call(.post, "/rooms/\(room)/join", token: alice)
        let left = try await server.createRoom(bob)
        _ = try await server.call(.post, "/rooms/\(left)/join", token: alice)
        let seen = try await say(server, left, "seen", bob)
        _ = try await server.call(.post, "/rooms/\(left)/leave", [:], token: alice)
        _ = try await say(server, left, "unseen", bob)
        let invited = try await server.createRoom(bob, ["preset": "private_chat", "invite": ["@alice:example.org"]])
        let said = try await say(server, room, "hello", bob)
        _ = try await server.call(.post, "/rooms/\(room)/receipt/m.read/\(said)", [:], token: bob)
        _ = try await server.call(
            .put, "/user/@alice:example.org/rooms/\(room)/account_data/x.z", ["a": 2], token: alice)

        let sync = try await server.call(.get, "/initialSync?limit=2", token: alice)
        #expect(sync.status == 200, "\(sync.json)")
        let rooms = sync["rooms"]?.arrayValue ?? []
        #expect(rooms.count == 2)
        let joined = rooms.first { $0["room_id"] == .string(room) }
        #expect(joined?["membership"] == "join" && joined?["visibility"] == "public")
        #expect(joined?["messages"]?["chunk"]?.arrayValue?.count == 2)
        #expect(joined?["messages"]?["chunk"]?.arrayValue?.last?["event_id"] == .string(said))
        #expect(Self.has("m.room.create", in: joined?["state"]))
        #expect(Self.first(joined?["state"], "m.room.create")?["user_id"] == "@bob:example.org")
        #expect(Self.first(joined?["account_data"], "x.z")?["content"] == ["a": 2])
        let invite = rooms.first { $0["room_id"] == .string(invited) }
        #expect(invite?["membership"] == "invite" && invite?["inviter"] == "@bob:example.org")
        #expect(invite?["invite"]?["content"]?["membership"] == "invite" && invite?["state"] == nil)
        #expect(sync["account_data"] == .array([]))
        #expect(sync["receipts"]?.arrayValue?.first?["room_id"] == .string(room))
        let own = sync["presence"]?.arrayValue?.first { $0["content"]?["user_id"] == "@alice:example.org" }
        #expect(own?["content"]?["last_active_ago"]?.integerValue != nil, "\(sync.json)")
        // The end is where `/events` goes on.
        let from = try #require(sync["end"]?.stringValue)
        let next = try await say(server, room, "next", bob)
        let events = try await server.call(.get, "/events?timeout=2000&from=\(from)", token: alice)
        #expect(Self.first(events["chunk"], "m.room.message")?["event_id"] == .string(next))
        // … and where `/messages` goes back.
        let start = try #require(joined?["messages"]?["start"]?.stringValue)
        let earlier = try await server.call(.get, "/rooms/\(room)/messages?dir=b&from=\(start)", token: alice)
        #expect(earlier["chunk"]?.arrayValue?.contains { $0["event_id"] == .string(said) } == false)
        #expect(Self.has("m.room.create", in: earlier["chunk"]))

        let all = try await server.call(.get, "/initialSync?archived=true", token: alice)
        let gone = all["rooms"]?.arrayValue?.first { $0["room_id"] == .string(left) }
        #expect(gone?["membership"] == "leave")
        let bodies = (gone?["messages"]?["chunk"]?.arrayValue ?? []).compactMap { $0["content"]?["body"]?.stringValue }
        #expect(bodies == ["seen"])
        let past = try await server.call(.get, "/rooms/\(left)/initialSync", token: alice)
        #expect(past["membership"] == "leave" && past["presence"] == .array([]) && past["receipts"] == .array([]))
        #expect(past["messages"]?["chunk"]?.arrayValue?.contains { $0["event_id"] == .string(seen) } == true)
        #expect(try await server.call(.get, "/rooms/\(invited)/initialSync", token: alice).status == 403)
    }

    @Test func oneEvent() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        let said = try await say(server, room, "hello", alice)
        let event = try await server.call(.get, "/events/\(said)", token: alice)
        #expect(event["event_id"] == .string(said) && event["room_id"] == .string(room), "\(event.json)")
        #expect(try await server.call(.get, "/events/\(said)", token: bob).status == 404)
    }

    /// Neither tokens of these endpoints nor what they tell acknowledge messages to the device.
    @Test func messagesToTheDeviceStay() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let me = try await server.call(.get, "/account/whoami", token: alice)
        let device = try #require(me["device_id"]?.stringValue)
        let sent = try await server.call(
            .put, "/sendToDevice/x.y/1", ["messages": ["@alice:example.org": [device: ["a": 1]]]], token: alice)
        #expect(sent.status == 200, "\(sent.json)")
        let end = try #require(try await server.call(.get, "/initialSync", token: alice)["end"]?.stringValue)
        let sync = try await server.call(.get, "/sync?since=\(end)", token: alice)
        #expect(sync["to_device"]?["events"]?.arrayValue?.count == 1, "\(sync.json)")
    }

    // MARK: Room previews

    @Test func peeking() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let guest = try #require(
            try await server.call(.post, "/register?kind=guest", [:])["access_token"]?.stringValue)
        let room = try await server.createRoom(alice)
        for path in ["initialSync", "messages?dir=b", "state", "members"] {
            let answer = try await server.call(.get, "/rooms/\(room)/\(path)", token: guest)
            #expect(answer.status == 403, "\(path): \(answer.json)")
        }
        #expect(try await server.call(.get, "/events?timeout=0", token: guest).status == 403)
        #expect(try await server.call(.get, "/events?timeout=0&room_id=\(room)", token: guest).status == 403)
        _ = try await server.call(
            .put, "/rooms/\(room)/state/m.room.history_visibility", ["history_visibility": "world_readable"],
            token: alice)
        let before = try await say(server, room, "before", alice)
        let first = try await server.call(.get, "/rooms/\(room)/initialSync", token: guest)
        #expect(first.status == 200 && first["membership"] == nil, "\(first.json)")
        #expect(Self.has("m.room.join_rules", in: first["state"]))
        #expect(first["presence"]?.arrayValue?.contains { $0["content"]?["user_id"] == "@alice:example.org" } == true)
        for path in ["messages?dir=b", "state", "members", "context/\(before)", "state/m.room.create"] {
            let answer = try await server.call(.get, "/rooms/\(room)/\(path)", token: guest)
            #expect(answer.status == 200, "\(path): \(answer.json)")
        }
        let from = try #require(first["messages"]?["end"]?.stringValue)
        async let waiting = server.call(.get, "/events?timeout=60000&room_id=\(room)&from=\(from)", token: guest)
        while server.notifier.waiting == 0 { await Task.yield() }
        let said = try await say(server, room, "now", alice)
        let news = try await waiting
        #expect(news["chunk"]?.arrayValue?.first?["event_id"] == .string(said), "\(news.json)")
        // The door closes: what comes then is not for the guest any more.
        _ = try await server.call(
            .put, "/rooms/\(room)/state/m.room.history_visibility", ["history_visibility": "shared"], token: alice)
        let end = try #require(news["end"]?.stringValue)
        #expect(
            try await server.call(.get, "/events?timeout=0&room_id=\(room)&from=\(end)", token: guest).status == 403)
    }
}
