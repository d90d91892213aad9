import CanonicalJSON
import HTTPFront
import RoomVersions
import Testing

@testable import ClientAPI

@Suite struct RoomVersionTests {
    @Test func everyVersionIsOffered() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let answer = try await server.call(.get, "/capabilities", token: alice)
        let versions = answer["capabilities"]?["m.room_versions"]
        let stable = JSONObject((1...12).map { (String($0), JSONValue.string("stable")) })
        #expect(versions?["available"] == .object(stable))
        #expect(versions?["default"] == "12")
    }

    @Test(arguments: RoomVersion.all)
    func aRoomIsCreatedAndJoined(version: RoomVersion) async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(
            alice, ["preset": "public_chat", "room_version": .string(version.id)])
        #expect(room.contains(":") == !version.roomIDIsCreateHash)
        let create = try await server.call(.get, "/rooms/\(room)/state/m.room.create", token: alice)
        #expect(create["room_version"] == .string(version.id))
        #expect(create["creator"] == (version.createWithoutCreator ? nil : "@alice:example.org"))
        let joined = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        #expect(joined.status == 200, "\(joined.json)")
        let sent = try await server.call(.put, "/rooms/\(room)/send/m.room.message/t", ["body": "hi"], token: bob)
        #expect(sent.status == 200, "\(sent.json)")
    }

    @Test func anUnknownVersionIsRefused() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        for version in ["13", "0", "", "org.example.mine"] {
            let answer = try await server.call(
                .post, "/createRoom", ["room_version": .string(version)], token: alice)
            #expect(answer.errcode == "M_UNSUPPORTED_ROOM_VERSION", "\(version): \(answer.json)")
        }
    }
}
