import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

/// Accounts that are closed with `erase`.
@Suite struct ErasureTests {
    @Test func whoComesLaterSeesNothingOfIt() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(bob)
        for token in [alice] { _ = try await server.call(.post, "/rooms/\(room)/join", token: token) }
        let sent = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/1", ["msgtype": "m.text", "body": "secret"], token: alice)
        let event = try #require(sent["event_id"]?.stringValue)
        let between = try await server.register("between")
        _ = try await server.call(.post, "/rooms/\(room)/join", token: between)
        let closed = try await server.call(
            .post, "/account/deactivate",
            [
                "erase": true,
                "auth": [
                    "type": "m.login.password", "password": "password of alice",
                    "identifier": ["type": "m.id.user", "user": "alice"],
                ],
            ], token: alice)
        #expect(closed.status == 200, "\(closed.json)")
        let carol = try await server.register("carol")
        _ = try await server.call(.post, "/rooms/\(room)/join", token: carol)
        func content(_ token: String) async throws -> [JSONValue?] {
            let page = try await server.call(.get, "/rooms/\(room)/messages?dir=b&limit=100", token: token)
            let found = page["chunk"]?.arrayValue?.first { $0["event_id"] == .string(event) }
            let one = try await server.call(.get, "/rooms/\(room)/event/\(event)", token: token)
            #expect(one["sender"] == "@alice:example.org" && one["room_id"] == .string(room), "\(one.json)")
            return [found?["content"], one["content"]]
        }
        let whole: JSONValue = ["msgtype": "m.text", "body": "secret"]
        #expect(try await content(bob) == [whole, whole])
        #expect(try await content(between) == [whole, whole], "they had seen it")
        #expect(try await content(carol) == [[:], [:]])
        #expect(try await server.call(.get, "/profile/@alice:example.org", token: bob).status == 404)
    }
}
