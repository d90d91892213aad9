import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

@Suite struct SearchTests {
    private struct Found {
        let events: JSONValue

        var ids: [String] {
            (events["results"]?.arrayValue ?? []).compactMap { $0["result"]?["event_id"]?.stringValue }
        }
        var next: String? { events["next_batch"]?.stringValue }
        var count: Int64? { events["count"]?.integerValue }
        var first: JSONValue? { events["results"]?.arrayValue?.first }
    }

    private func search(
        _ server: InProcessServer, _ token: String, _ term: String, _ more: JSONObject = [:], from: String? = nil
    ) async throws -> Found {
        var room = more
        room["search_term"] = .string(term)
        let body: JSONValue = ["search_categories": ["room_events": .object(room)]]
        let answer = try await server.call(
            .post, "/search" + (from.map { "?next_batch=\($0)" } ?? ""), body, token: token)
        #expect(answer.status == 200, "\(answer.json)")
        return Found(events: answer["search_categories"]?["room_events"] ?? .null)
    }

    private func send(
        _ server: InProcessServer, _ token: String, _ room: String, _ content: JSONObject,
        type: String = "m.room.message"
    ) async throws -> String {
        let answer = try await server.call(
            .put, "/rooms/\(room)/send/\(type)/\(UInt64.random(in: 0 ... .max))", .object(content), token: token)
        return try #require(answer["event_id"]?.stringValue, "\(answer.json)")
    }

    private func say(
        _ server: InProcessServer, _ token: String, _ room: String, _ text: String
    ) async throws -> String {
        try await send(server, token, room, ["msgtype": "m.text", "body": .string(text)])
    }

    @Test func whatOneWroteIsFoundAtOnce() async throws {
        let server = try InProcessServer(searches: true)
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice, ["name": "The Crème Room", "topic": "Crème and more"])
        for number in 0..<20 {
            let event = try await say(server, alice, room, "unique\(number) crème")
            #expect(try await search(server, alice, "UNIQUE\(number)").ids == [event])
        }
        let names = try await search(server, alice, "creme", ["keys": ["content.name"]])
        #expect(names.count == 1 && names.first?["result"]?["type"] == "m.room.name")
        #expect(try await search(server, alice, "creme", ["keys": ["content.topic", "content.name"]]).count == 2)
        let all = try await search(server, alice, "creme")
        #expect(all.count == 22 && all.ids.count == 10 && all.next != nil)
        #expect(all.events["highlights"] == ["creme", "crème"])
        #expect(all.first?["result"]?["room_id"] == .string(room))
        #expect(try await search(server, alice, "creme", ["filter": ["limit": 0]]).ids == [])
        #expect(try await search(server, alice, "!?").count == 0)
    }

    @Test func onlyWhatOneMaySee() async throws {
        let server = try InProcessServer(searches: true)
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let carol = try await server.register("carol")
        let room = try await server.createRoom(
            alice,
            [
                "preset": "public_chat",
                "initial_state": [
                    ["type": "m.room.history_visibility", "state_key": "", "content": ["history_visibility": "joined"]]
                ],
            ])
        _ = try await say(server, alice, room, "needle before bob")
        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        let during = try await say(server, alice, room, "needle during bob")
        let own = try await say(server, bob, room, "needle by bob")
        _ = try await server.call(.post, "/rooms/\(room)/leave", token: bob)
        _ = try await say(server, alice, room, "needle after bob")
        let found = try await search(server, bob, "needle", ["order_by": "recent"])
        #expect(found.ids == [own, during] && found.count == 2, "rooms that were left, up to then")
        #expect(try await search(server, carol, "needle").count == 0)
        #expect(try await search(server, alice, "needle").count == 4)
        // A redacted message is gone; so are those of the ignored.
        _ = try await server.call(.put, "/rooms/\(room)/redact/\(during)/1", [:], token: alice)
        #expect(try await search(server, alice, "during").ids == [])
        _ = try await server.call(
            .put, "/user/@alice:example.org/account_data/m.ignored_user_list",
            ["ignored_users": ["@bob:example.org": [:]]], token: alice)
        #expect(try await search(server, alice, "needle").count == 2)
        _ = try await server.call(.post, "/rooms/\(room)/forget", token: bob)
        #expect(try await search(server, bob, "needle").count == 0, "a forgotten room is forgotten")
    }

    @Test func editsAreFoundByTheirLatestText() async throws {
        let server = try InProcessServer(searches: true)
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let event = try await say(server, alice, room, "teh word")
        _ = try await send(
            server, alice, room,
            [
                "msgtype": "m.text", "body": "* the word", "m.new_content": ["msgtype": "m.text", "body": "the word"],
                "m.relates_to": ["rel_type": "m.replace", "event_id": .string(event)],
            ])
        #expect(try await search(server, alice, "teh").ids == [])
        let found = try await search(server, alice, "the word")
        #expect(found.ids == [event])
        let edit = found.first?["result"]?["unsigned"]?["m.relations"]?["m.replace"]
        #expect(edit?["content"]?["m.new_content"]?["body"] == "the word")
    }

    @Test(arguments: ["rank", "recent"])
    func pagesAndGroups(order: String) async throws {
        let server = try InProcessServer(searches: true)
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        var rooms: [String] = []
        for _ in 0..<2 {
            let room = try await server.createRoom(alice, ["preset": "public_chat"])
            _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
            rooms.append(room)
        }
        var sent: [(id: String, room: String, sender: String)] = []
        for number in 0..<12 {
            let isAlice = number % 3 == 0
            let room = rooms[number % 2]
            let text = "page" + String(repeating: " filler", count: number)
            sent.append((try await say(server, isAlice ? alice : bob, room, text), room, isAlice ? "alice" : "bob"))
        }
        let expected = order == "recent" ? sent.reversed().map(\.id) : sent.map(\.id)
        let request: JSONObject = [
            "order_by": .string(order), "filter": ["limit": 5],
            "groupings": ["group_by": [["key": "room_id"], ["key": "sender"]]],
        ]
        var ids: [String] = []
        var token: String?
        var groupTokens: [String: String] = [:]
        var groupIDs: [String: [String]] = [:]
        repeat {
            let page = try await search(server, alice, "page", request, from: token)
            #expect(page.count == 12)
            ids += page.ids
            token = page.next
            // What is said meanwhile moves no page.
            _ = try await say(server, alice, rooms[0], "page of later")
            guard groupTokens.isEmpty else { continue }
            for kind in ["room_id", "sender"] {
                for (name, group) in page.events["groups"]?[kind]?.objectValue ?? [:] {
                    groupIDs[name] = group["results"]?.arrayValue?.compactMap(\.stringValue) ?? []
                    groupTokens[name] = group["next_batch"]?.stringValue
                    #expect(group["order"]?.integerValue != nil)
                }
            }
        } while token != nil
        #expect(ids == expected)
        for (name, first) in groupTokens {
            var next: String? = first
            while let token = next {
                let page = try await search(server, alice, "page", request, from: token)
                groupIDs[name, default: []] += page.ids
                next = page.next
            }
        }
        for (name, found) in groupIDs {
            let own = sent.filter { $0.room == name || "@\($0.sender):example.org" == name }.map(\.id)
            #expect(found == expected.filter(own.contains), "\(name)")
        }
        #expect(groupIDs.count == 4)
    }

    @Test func contextStateAndFilters() async throws {
        let server = try InProcessServer(searches: true)
        let alice = try await server.register("alice")
        _ = try await server.call(
            .put, "/profile/@alice:example.org/displayname", ["displayname": "Alice A"], token: alice)
        let room = try await server.createRoom(alice)
        var events: [String] = []
        for number in 0..<9 { events.append(try await say(server, alice, room, "around\(number)")) }
        let found = try await search(
            server, alice, "around4",
            ["event_context": ["before_limit": 2, "after_limit": 1, "include_profile": true], "include_state": true])
        let context = try #require(found.first?["context"])
        let before = context["events_before"]?.arrayValue?.compactMap { $0["event_id"]?.stringValue }
        #expect(before == [events[3], events[2]])
        #expect(context["events_after"]?.arrayValue?.compactMap { $0["event_id"]?.stringValue } == [events[5]])
        #expect(context["profile_info"]?["@alice:example.org"]?["displayname"] == "Alice A")
        let start = try #require(context["start"]?.stringValue)
        let older = try await server.call(.get, "/rooms/\(room)/messages?dir=b&limit=1&from=\(start)", token: alice)
        #expect(older["chunk"]?.arrayValue?.first?["event_id"]?.stringValue == events[1])
        let types = found.events["state"]?[room]?.arrayValue?.compactMap { $0["type"]?.stringValue }
        #expect(types?.contains("m.room.create") == true)
        #expect(try await search(server, alice, "around4").first?["context"] == nil)
        // Filters, and a room that was upgraded.
        let picture = try await send(
            server, alice, room, ["msgtype": "m.image", "body": "around picture", "url": "mxc://example.org/x"])
        #expect(try await search(server, alice, "around", ["filter": ["contains_url": true]]).ids == [picture])
        #expect(try await search(server, alice, "around", ["filter": ["contains_url": false]]).ids == [])
        #expect(try await search(server, alice, "around", ["filter": ["types": ["m.room.t*"]]]).ids == [])
        #expect(
            try await search(server, alice, "around", ["filter": ["not_senders": ["@alice:example.org"]]]).ids == [])
        #expect(
            try await search(server, alice, "around", ["filter": ["senders": ["@alice:example.org"]]]).ids == [picture])
        #expect(try await search(server, alice, "around", ["filter": ["not_rooms": [.string(room)]]]).ids == [])
        let upgrade = try await server.call(.post, "/rooms/\(room)/upgrade", ["new_version": "11"], token: alice)
        let newRoom = try #require(upgrade["replacement_room"]?.stringValue)
        #expect(try await search(server, alice, "around", ["filter": ["rooms": [.string(newRoom)]]]).ids == [picture])
        #expect(try await search(server, alice, "around", ["filter": ["rooms": ["!none:example.org"]]]).ids == [])
    }

    @Test func badRequests() async throws {
        let server = try InProcessServer(searches: true)
        let alice = try await server.register("alice")
        func ask(_ body: JSONValue, _ query: String = "") async throws -> InProcessServer.Answer {
            try await server.call(.post, "/search" + query, body, token: alice)
        }
        let bad: [(JSONValue, String)] = [
            ([:], "M_MISSING_PARAM"), (["search_categories": []], "M_BAD_JSON"),
            (["search_categories": ["room_events": 5]], "M_BAD_JSON"),
            (["search_categories": ["room_events": [:]]], "M_MISSING_PARAM"),
        ]
        for (body, errcode) in bad {
            let answer = try await ask(body)
            #expect(answer.status == 400 && answer.errcode == errcode, "\(body) \(answer.json)")
        }
        let members: [(String, JSONValue, String)] = [
            ("search_term", 5, "M_BAD_JSON"), ("keys", "content.body", "M_BAD_JSON"),
            ("keys", ["content.url"], "M_INVALID_PARAM"), ("order_by", "size", "M_INVALID_PARAM"),
            ("order_by", [], "M_BAD_JSON"), ("filter", [], "M_BAD_JSON"), ("filter", ["limit": -1], "M_BAD_JSON"),
            ("filter", ["rooms": "x"], "M_BAD_JSON"), ("event_context", 1, "M_BAD_JSON"),
            ("event_context", ["before_limit": "2"], "M_BAD_JSON"),
            ("event_context", ["after_limit": -2], "M_BAD_JSON"),
            ("event_context", ["include_profile": 1], "M_BAD_JSON"), ("include_state", "yes", "M_BAD_JSON"),
            ("groupings", [], "M_BAD_JSON"), ("groupings", ["group_by": "sender"], "M_BAD_JSON"),
            ("groupings", ["group_by": [["key": 1]]], "M_BAD_JSON"),
            ("groupings", ["group_by": [["key": "type"]]], "M_INVALID_PARAM"),
        ]
        for (name, value, errcode) in members {
            var room: JSONObject = ["search_term": "x"]
            room[name] = value
            let answer = try await ask(["search_categories": ["room_events": .object(room)]])
            #expect(answer.status == 400 && answer.errcode == errcode, "\(name) \(value) \(answer.json)")
        }
        let good: JSONValue = ["search_categories": ["room_events": ["search_term": "x"]]]
        for token in ["x", "f_1_2_3", "f_1_2_3_x", "f_9_0_0_0", "f_1_99999999_0_0", "f_1_1_1_1_q1", "f_-1_0_0_0"] {
            #expect(try await ask(good, "?next_batch=\(token)").errcode == "M_INVALID_PARAM", "\(token)")
        }
        #expect(try await ask(good, "?next_batch=f_1_1_9223372036854775807_9223372036854775807_r4").status == 200)
        #expect(try await ask(["search_categories": [:]]).json == ["search_categories": [:]])
        let without = try InProcessServer()
        let token = try await without.register("alice")
        #expect(try await without.call(.post, "/search", good, token: token).status == 400)
    }
}
