import CanonicalJSON
import HTTPFront
import RoomVersions
import Testing

@testable import ClientAPI

/// What those outside a room learn of the conditions under which they may join it.
@Suite struct RestrictedRoomTests {
    /// "allowed_room_ids: If the room is a restricted room, these are the room IDs which are specified by the join rules."
    @Test(arguments: [RoomVersion.v7, .v8, .v9, .v10, .v12])
    func conditions(version: RoomVersion) async throws {
        let server = try InProcessServer()
        let (alice, bob) = (try await server.register("alice"), try await server.register("bob"))
        let condition = try await server.createRoom(alice, ["preset": "public_chat"])
        let room = try await server.createRoom(
            alice, ["preset": "private_chat", "room_version": .string(version.id)])
        let known: JSONValue = ["type": "m.room_membership", "room_id": .string(condition)]
        for (rule, exists) in [("restricted", version.restrictedJoin), ("knock_restricted", version.knockRestricted)] {
            let set = try await server.call(
                .put, "/rooms/\(room)/state/m.room.join_rules/",
                [
                    "join_rule": .string(rule),
                    "allow": [
                        ["type": "org.example.other", "room_id": "!other:example.org"], known, known, 5,
                        ["type": "m.room_membership", "room_id": "nonsense"], ["type": "m.room_membership"],
                    ],
                ], token: alice)
            #expect(set.status == 200, "\(set.json)")
            let own = try await server.call(.get, "/room_summary/\(room)", token: alice)
            #expect(own["allowed_room_ids"] == (exists ? [.string(condition)] : nil), "\(own.json)")
            let path = "/room_summary/\(room)"
            if rule == "restricted" {
                #expect(try await server.call(.get, path, token: bob).status == 404, "bob meets no condition yet")
            }
            #expect(try await server.call(.post, "/rooms/\(condition)/join", token: bob).status == 200)
            #expect(
                try await server.call(.get, path, token: bob).status == (exists || rule != "restricted" ? 200 : 404))
            #expect(try await server.call(.post, "/rooms/\(room)/join", token: bob).status == (exists ? 200 : 403))
            for left in exists ? [room, condition] : [condition] {
                #expect(try await server.call(.post, "/rooms/\(left)/leave", token: bob).status == 200)
            }
        }
    }
}
