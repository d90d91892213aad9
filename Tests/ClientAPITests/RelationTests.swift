import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

@Suite struct RelationTests {
    /// Sends a message and returns its ID.
    private func send(
        _ server: InProcessServer, _ room: String, _ token: String, _ transaction: String, _ content: JSONValue,
        type: String = "m.room.message"
    ) async throws -> String {
        let answer = try await server.call(.put, "/rooms/\(room)/send/\(type)/\(transaction)", content, token: token)
        return try #require(answer["event_id"]?.stringValue, "\(answer.json)")
    }

    private func thread(_ root: String, _ body: String) -> JSONValue {
        [
            "msgtype": "m.text", "body": .string(body),
            "m.relates_to": ["rel_type": "m.thread", "event_id": .string(root)],
        ]
    }

    @Test func threads() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        let root = try await send(server, room, alice, "1", ["msgtype": "m.text", "body": "root"])
        let other = try await send(server, room, alice, "2", ["msgtype": "m.text", "body": "other"])
        let first = try await send(server, room, bob, "3", thread(root, "first"))
        let second = try await send(server, room, alice, "4", thread(root, "second"))
        _ = try await send(server, room, alice, "5", thread(other, "alone"))

        var bundle = try await server.call(.get, "/rooms/\(room)/event/\(root)", token: bob)["unsigned"]?[
            "m.relations"]?["m.thread"]
        #expect(bundle?["count"] == 2 && bundle?["current_user_participated"] == true)
        #expect(bundle?["latest_event"]?["event_id"] == .string(second))

        let all = try await server.call(.get, "/_matrix/client/v1/rooms/\(room)/threads?limit=1", token: bob)
        #expect(all["chunk"]?.arrayValue?.first?["event_id"] == .string(other), "\(all.json)")
        let next = try #require(all["next_batch"]?.stringValue)
        let rest = try await server.call(
            .get, "/_matrix/client/v1/rooms/\(room)/threads?from=\(next)", token: bob)
        #expect(rest["chunk"]?.arrayValue?.map { $0["event_id"] } == [.string(root)], "\(rest.json)")
        let own = try await server.call(
            .get, "/_matrix/client/v1/rooms/\(room)/threads?include=participated", token: bob)
        #expect(own["chunk"]?.arrayValue?.map { $0["event_id"] } == [.string(root)], "\(own.json)")

        // A redacted child leaves its thread, and a thread without children is none.
        _ = try await server.call(.put, "/rooms/\(room)/redact/\(second)/6", [:], token: alice)
        bundle = try await server.call(.get, "/rooms/\(room)/event/\(root)", token: alice)["unsigned"]?[
            "m.relations"]?["m.thread"]
        #expect(bundle?["count"] == 1 && bundle?["latest_event"]?["event_id"] == .string(first))
        _ = try await server.call(.put, "/rooms/\(room)/redact/\(first)/7", [:], token: bob)
        let bare = try await server.call(.get, "/rooms/\(room)/event/\(root)", token: alice)
        #expect(bare["unsigned"]?["m.relations"] == nil, "\(bare.json)")

        let child = try #require(try await lastChild(server, room, bob))
        let nested = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/8", thread(child, "no"), token: bob)
        #expect(nested.status == 400 && nested.errcode == "M_UNKNOWN", "\(nested.json)")
    }

    private func lastChild(_ server: InProcessServer, _ room: String, _ token: String) async throws -> String? {
        let messages = try await server.call(.get, "/rooms/\(room)/messages?dir=b&limit=50", token: token)
        return messages["chunk"]?.arrayValue?.first { $0["content"]?["body"] == "alone" }?["event_id"]?.stringValue
    }

    @Test func editsReferencesAndAnnotations() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        let original = try await send(server, room, alice, "1", ["msgtype": "m.text", "body": "teh"])
        func edit(_ body: String) -> JSONValue {
            [
                "msgtype": "m.text", "body": .string("* " + body),
                "m.new_content": ["msgtype": "m.text", "body": .string(body)],
                "m.relates_to": ["rel_type": "m.replace", "event_id": .string(original)],
            ]
        }
        // Others may not edit, and an edit needs its new content.
        _ = try await send(server, room, bob, "2", edit("not mine"))
        _ = try await send(
            server, room, alice, "3",
            ["body": "x", "m.relates_to": ["rel_type": "m.replace", "event_id": .string(original)]])
        var event = try await server.call(.get, "/rooms/\(room)/event/\(original)", token: bob)
        #expect(event["unsigned"]?["m.relations"]?["m.replace"] == nil, "\(event.json)")
        _ = try await send(server, room, alice, "4", edit("the?"))
        let last = try await send(server, room, alice, "5", edit("the"))
        event = try await server.call(.get, "/rooms/\(room)/event/\(original)", token: bob)
        #expect(event["unsigned"]?["m.relations"]?["m.replace"]?["event_id"] == .string(last), "\(event.json)")
        #expect(event["content"]?["body"] == "teh")

        let reference = try await send(
            server, room, bob, "6",
            ["body": "see", "m.relates_to": ["rel_type": "m.reference", "event_id": .string(original)]])
        event = try await server.call(.get, "/rooms/\(room)/event/\(original)", token: bob)
        #expect(
            event["unsigned"]?["m.relations"]?["m.reference"]?["chunk"]?.arrayValue?.map { $0["event_id"] }
                == [.string(reference)])

        let reaction: JSONValue = [
            "m.relates_to": ["rel_type": "m.annotation", "event_id": .string(original), "key": "👍"]
        ]
        _ = try await send(server, room, bob, "7", reaction, type: "m.reaction")
        let repeated = try await server.call(.put, "/rooms/\(room)/send/m.reaction/7", reaction, token: bob)
        #expect(repeated.status == 200, "the same transaction is the same event")
        let duplicate = try await server.call(.put, "/rooms/\(room)/send/m.reaction/8", reaction, token: bob)
        #expect(duplicate.status == 400 && duplicate.errcode == "M_DUPLICATE_ANNOTATION", "\(duplicate.json)")

        let base = "/_matrix/client/v1/rooms/\(room)/relations/\(original)"
        let children = try await server.call(.get, base + "?limit=100", token: bob)
        #expect(children["chunk"]?.arrayValue?.count == 6, "\(children.json)")
        let edits = try await server.call(.get, base + "/m.replace?limit=2", token: bob)
        #expect(edits["chunk"]?.arrayValue?.first?["event_id"] == .string(last))
        let from = try #require(edits["next_batch"]?.stringValue)
        let older = try await server.call(.get, base + "/m.replace?limit=9&from=\(from)", token: bob)
        #expect(older["chunk"]?.arrayValue?.count == 2 && older["next_batch"] == nil, "\(older.json)")
        let reactions = try await server.call(.get, base + "/m.annotation/m.reaction?dir=f", token: bob)
        #expect(reactions["chunk"]?.arrayValue?.count == 1)
        let nothing = try await server.call(.get, base + "/m.annotation/m.sticker", token: bob)
        #expect(nothing["chunk"]?.arrayValue?.isEmpty == true)
        let carol = try await server.register("carol")
        #expect(try await server.call(.get, base, token: carol).status == 403)
    }

    @Test func recursionFindsGrandchildren() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let root = try await send(server, room, alice, "1", ["msgtype": "m.text", "body": "root"])
        let child = try await send(server, room, alice, "2", thread(root, "child"))
        let grandchild = try await send(
            server, room, alice, "3",
            ["m.relates_to": ["rel_type": "m.annotation", "event_id": .string(child), "key": "x"]], type: "m.reaction")
        let base = "/_matrix/client/v1/rooms/\(room)/relations/\(root)"
        let flat = try await server.call(.get, base, token: alice)
        #expect(flat["chunk"]?.arrayValue?.map { $0["event_id"] } == [.string(child)])
        let deep = try await server.call(.get, base + "?recurse=true", token: alice)
        #expect(deep["chunk"]?.arrayValue?.map { $0["event_id"] } == [.string(grandchild), .string(child)])
        #expect(deep["recursion_depth"]?.integerValue != nil)
    }
}
