import CanonicalJSON
import CommandHandling
import Decisions
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions
import Testing

/// Joining and knocking under every join rule in every room version.
@Suite("Join rules in every room version") struct JoinRuleTests {
    private func room(
        _ house: HouseFixture, _ version: RoomVersion, _ rule: String, allowing other: RoomID? = nil
    ) async throws -> RoomID {
        var content: JSONObject = ["join_rule": .string(rule)]
        if let other { content["allow"] = [["type": "m.room_membership", "room_id": .string(other.rawValue)]] }
        let state: JSONValue = [["type": "m.room.join_rules", "state_key": "", "content": .object(content)]]
        return try await house.rooms.createRoom(
            ["preset": "private_chat", "room_version": .string(version.id), "initial_state": state],
            caller: try house.caller("alice"))
    }

    private func isRefused(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return false
        } catch let rejection as Rejection {
            return rejection.errcode == "M_FORBIDDEN"
        } catch {
            return false
        }
    }

    @Test(arguments: RoomVersion.all)
    func publicAndInvite(version: RoomVersion) async throws {
        let house = try HouseFixture()
        let (alice, bob) = (try house.caller("alice"), try house.caller("bob"))
        _ = try await house.rooms.join(room: try await room(house, version, "public"), extra: [:], caller: bob)
        let closed = try await room(house, version, "invite")
        #expect(await isRefused { _ = try await house.rooms.join(room: closed, extra: [:], caller: bob) })
        #expect(await isRefused { _ = try await house.rooms.knock(room: closed, reason: nil, caller: bob) })
        try await house.rooms.invite(room: closed, user: bob.userID, extra: [:], caller: alice)
        _ = try await house.rooms.join(room: closed, extra: [:], caller: bob)
        #expect(try RoomQueries(views: house.views).membership(closed, bob.userID)?.membership == .join)
        try house.close()
    }

    @Test(arguments: RoomVersion.all)
    func knock(version: RoomVersion) async throws {
        let house = try HouseFixture()
        let (alice, bob) = (try house.caller("alice"), try house.caller("bob"))
        for (rule, exists) in [("knock", version.knock), ("knock_restricted", version.knockRestricted)] {
            let room = try await room(house, version, rule)
            #expect(await isRefused { _ = try await house.rooms.join(room: room, extra: [:], caller: bob) })
            guard exists else {
                #expect(await isRefused { _ = try await house.rooms.knock(room: room, reason: nil, caller: bob) })
                continue
            }
            _ = try await house.rooms.knock(room: room, reason: "let me in", caller: bob)
            #expect(await isRefused { _ = try await house.rooms.join(room: room, extra: [:], caller: bob) })
            try await house.rooms.invite(room: room, user: bob.userID, extra: [:], caller: alice)
            _ = try await house.rooms.join(room: room, extra: [:], caller: bob)
            #expect(try RoomQueries(views: house.views).membership(room, bob.userID)?.membership == .join)
        }
        try house.close()
    }

    @Test(arguments: RoomVersion.all)
    func restricted(version: RoomVersion) async throws {
        let house = try HouseFixture()
        let (bob, carol) = (try house.caller("bob"), try house.caller("carol"))
        let club = try await room(house, version, "public")
        _ = try await house.rooms.join(room: club, extra: [:], caller: bob)
        let rules = [("restricted", version.restrictedJoin), ("knock_restricted", version.knockRestricted)]
        for (rule, exists) in rules {
            let room = try await room(house, version, rule, allowing: club)
            #expect(await isRefused { _ = try await house.rooms.join(room: room, extra: [:], caller: carol) })
            guard exists else {
                #expect(await isRefused { _ = try await house.rooms.join(room: room, extra: [:], caller: bob) })
                continue
            }
            _ = try await house.rooms.join(room: room, extra: [:], caller: bob)
            let stored = try RoomQueries(views: house.views).currentState(
                room, type: "m.room.member", stateKey: bob.userID.rawValue)
            #expect(try stored?.content()["join_authorised_via_users_server"] == "@alice:test")
        }
        try house.close()
    }
}
