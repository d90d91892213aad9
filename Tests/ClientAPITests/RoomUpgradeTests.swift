import CanonicalJSON
import HTTPFront
import RoomVersions
import Testing

@testable import ClientAPI

@Suite struct RoomUpgradeTests {
    /// A room of every version is made, joined, upgraded to every later way of naming rooms, and the new one joined.
    @Test(arguments: RoomVersion.supported.map(\.id), ["2", "6", "10", "11", "12"])
    func everyVersionIsUpgraded(from old: String, to new: String) async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(
            alice,
            [
                "preset": "public_chat", "room_version": .string(old), "name": "tea", "topic": "party",
                "room_alias_name": "tea", "visibility": "public",
                "power_level_content_override": ["users_default": 5],
            ])
        #expect(try await server.call(.post, "/rooms/\(room)/join", token: bob).status == 200)
        _ = try await server.call(
            .post, "/rooms/\(room)/ban", ["user_id": "@eve:example.org", "reason": "spam"], token: alice)
        _ = try await server.call(
            .put, "/user/@bob:example.org/rooms/\(room)/tags/m.favourite", ["order": 0.5], token: bob)
        let forbidden = try await server.call(
            .post, "/rooms/\(room)/upgrade", ["new_version": .string(new)], token: bob)
        #expect(forbidden.status == 403, "\(forbidden.json)")
        let upgraded = try await server.call(
            .post, "/rooms/\(room)/upgrade", ["new_version": .string(new)], token: alice)
        let next = try #require(upgraded["replacement_room"]?.stringValue, "\(upgraded.json)")

        let tombstone = try await server.call(.get, "/rooms/\(room)/state/m.room.tombstone", token: bob)
        #expect(tombstone["replacement_room"] == .string(next))
        let create = try await server.call(.get, "/rooms/\(next)/state/m.room.create", token: alice)
        #expect(create["predecessor"]?["room_id"] == .string(room) && create["room_version"] == .string(new))
        if new != "12" {
            let event = try await server.call(
                .get, "/rooms/\(room)/state/m.room.tombstone?format=event", token: alice)
            #expect(create["predecessor"]?["event_id"] == event["event_id"])
        }
        for (path, member, value) in [("m.room.name", "name", "tea"), ("m.room.topic", "topic", "party")] {
            let carried = try await server.call(.get, "/rooms/\(next)/state/\(path)", token: alice)
            #expect(carried[member] == .string(value), "\(path): \(carried.json)")
        }
        let ban = try await server.call(.get, "/rooms/\(next)/state/m.room.member/@eve:example.org", token: alice)
        #expect(ban["membership"] == "ban" && ban["reason"] == "spam", "\(ban.json)")
        let levels = try await server.call(.get, "/rooms/\(next)/state/m.room.power_levels", token: alice)
        #expect(levels["users_default"] == 5)
        #expect((levels["users"]?["@alice:example.org"] == nil) == (new == "12"), "\(levels.json)")
        let canonical = try await server.call(.get, "/rooms/\(next)/state/m.room.canonical_alias", token: alice)
        #expect(canonical["alias"] == "#tea:example.org")
        let cleared = try await server.call(.get, "/rooms/\(room)/state/m.room.canonical_alias", token: alice)
        #expect(cleared.status == 200 && cleared["alias"] == nil)
        let alias = try await server.call(.get, "/directory/room/%23tea:example.org", token: alice)
        #expect(alias["room_id"] == .string(next))
        let listed = try await server.call(.get, "/publicRooms", token: alice)
        #expect(listed["chunk"]?.arrayValue?.map { $0["room_id"] } == [.string(next)], "\(listed.json)")
        let muted = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/1", ["msgtype": "m.text", "body": "x"], token: bob)
        #expect(muted.status == 403, "the old room is closed to those below level 50")
        #expect(try await server.call(.post, "/rooms/\(next)/join", token: bob).status == 200)
        let tags = try await server.call(.get, "/user/@bob:example.org/rooms/\(next)/tags", token: bob)
        #expect(tags["tags"]?["m.favourite"] != nil, "\(tags.json)")
    }

    @Test func refusals() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let unknown = try await server.call(.post, "/rooms/\(room)/upgrade", ["new_version": "99"], token: alice)
        #expect(unknown.status == 400 && unknown.errcode == "M_UNSUPPORTED_ROOM_VERSION")
        let missing = try await server.call(.post, "/rooms/\(room)/upgrade", [:], token: alice)
        #expect(missing.status == 400 && missing.errcode == "M_MISSING_PARAM")
        let badCreator = try await server.call(
            .post, "/rooms/\(room)/upgrade", ["new_version": "12", "additional_creators": ["nobody"]], token: alice)
        #expect(badCreator.status == 400)
        let nowhere = try await server.call(
            .post, "/rooms/!nowhere:example.org/upgrade", ["new_version": "11"], token: alice)
        #expect(nowhere.status == 404)
        let circular = try await server.call(
            .put, "/rooms/\(room)/state/m.room.tombstone", ["body": "x", "replacement_room": .string(room)],
            token: alice)
        #expect(circular.status == 400 && circular.errcode == "M_INVALID_PARAM")
    }

    @Test func spacesKeepTheirChildrenAndCreatorsAreNamedAnew() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        _ = try await server.register("bob")
        let space = try await server.createRoom(
            alice,
            [
                "preset": "public_chat", "room_version": "11",
                "creation_content": ["type": "m.space", "m.federate": false],
            ])
        for (child, content) in [("!a:example.org", ["via": ["example.org"]] as JSONValue), ("!b:example.org", [:])] {
            _ = try await server.call(.put, "/rooms/\(space)/state/m.space.child/\(child)", content, token: alice)
        }
        let upgraded = try await server.call(
            .post, "/rooms/\(space)/upgrade", ["new_version": "12", "additional_creators": ["@bob:example.org"]],
            token: alice)
        let next = try #require(upgraded["replacement_room"]?.stringValue, "\(upgraded.json)")
        let create = try await server.call(.get, "/rooms/\(next)/state/m.room.create", token: alice)
        #expect(create["type"] == "m.space" && create["m.federate"] == false)
        #expect(create["additional_creators"] == ["@bob:example.org"])
        let kept = try await server.call(
            .get, "/rooms/\(next)/state/m.space.child/!a:example.org", token: alice)
        #expect(kept["via"] == ["example.org"])
        let gone = try await server.call(
            .get, "/rooms/\(next)/state/m.space.child/!b:example.org", token: alice)
        #expect(gone.status == 404)
    }
}
