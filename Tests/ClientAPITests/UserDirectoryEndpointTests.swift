import CanonicalJSON
import HTTPFront
import Testing

@testable import ClientAPI

@Suite struct UserDirectoryEndpointTests {
    @Test func peopleAreFound() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let path = "/user_directory/search"
        let name = try await server.call(
            .put, "/profile/@alice:example.org/displayname", ["displayname": "Wonder Land"], token: alice)
        #expect(name.status == 200)
        let before = try await server.call(.post, path, ["search_term": "wond"], token: bob)
        #expect(before.json == ["limited": false, "results": []])
        _ = try await server.createRoom(alice, ["preset": "public_chat"])
        let after = try await server.call(.post, path, ["search_term": "LAND wond", "limit": 1], token: bob)
        let expected: JSONValue = [
            "limited": false, "results": [["user_id": "@alice:example.org", "display_name": "Wonder Land"]],
        ]
        #expect(after.json == expected)
        for (body, errcode) in [
            ([:], "M_MISSING_PARAM"), (["search_term": 5], "M_BAD_JSON"),
            (["search_term": "a", "limit": "x"], "M_BAD_JSON"),
            (["search_term": "a", "limit": -1], "M_INVALID_PARAM"), (["search_term": "a", "limit": 1.5], "M_BAD_JSON"),
        ] as [(JSONValue, String)] {
            let answer = try await server.call(.post, path, body, token: bob)
            #expect(answer.status == 400 && answer.errcode == errcode, "\(body) \(answer.json)")
        }
    }
}
