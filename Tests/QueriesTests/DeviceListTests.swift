import CanonicalJSON
import EventLog
import LogEvents
import ProjectionEngine
import Queries
import ReadModel
import TestSupport
import Testing

@Suite struct DeviceListTests {
    private func changes(
        _ world: World, _ user: String, since: UInt64
    ) throws -> (changed: Set<String>, left: Set<String>) {
        let answer = try DeviceListQueries(views: world.views).changes(
            since: SyncToken(epoch: 1, position: since), asker: try world.asker(user))
        return (Set(answer.changed), Set(answer.left))
    }

    private func login(_ world: World, _ user: String, _ device: String) throws {
        let hash = String(repeating: "A", count: 43)
        try world.record(DeviceRegistered(userID: user, deviceID: device, tokenHash: hash))
    }

    /// What happened, remembered without any of the server's means.
    private struct Oracle {
        var members: [String: Set<String>] = [:]
        /// After each step: who shares a room with whom, and whose keys changed in it.
        var history: [(sharing: [String: Set<String>], changed: String?)] = []

        mutating func note(_ users: [String], changed: String?) {
            var sharing: [String: Set<String>] = [:]
            for user in users {
                for inRoom in members.values where inRoom.contains(user) {
                    sharing[user, default: []].formUnion(inRoom)
                }
                sharing[user]?.remove(user)
            }
            history.append((sharing, changed))
        }
    }

    @Test(arguments: 1...6) func noChangeIsEverMissed(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let world = try World()
        let users = ["@a:s", "@b:s", "@c:s", "@d:s", "@e:s"]
        let rooms = ["!1:s", "!2:s", "!3:s"]
        var oracle = Oracle()
        for user in users { try login(world, user, "DEV") }
        for room in rooms { try world.createRoom(room, by: users[0]) }
        for room in rooms { oracle.members[room] = [users[0]] }
        oracle.note(users, changed: nil)
        var positions = [world.views.head.rawValue]
        for step in 0..<120 {
            let user = users[random.below(users.count)]
            let room = rooms[random.below(rooms.count)]
            var changed: String?
            switch random.below(5) {
            case 0, 1:
                try world.member(user, "join", in: room)
                oracle.members[room]?.insert(user)
            case 2:
                try world.member(user, "leave", in: room)
                oracle.members[room]?.remove(user)
            case 3:
                try world.record(
                    DeviceKeysUploaded(
                        userID: user, deviceID: "DEV", deviceKeys: ["keys": ["ed25519:DEV": .integer(Int64(step))]]),
                    stream: StreamID(kind: .device, name: user))
                changed = user
            default:
                try world.message("\(step)", in: room, by: user)
            }
            oracle.note(users, changed: changed)
            positions.append(world.views.head.rawValue)
        }
        let last = oracle.history.count - 1
        let now = oracle.history[last].sharing
        for start in stride(from: 0, to: last, by: 7) {
            for user in users {
                let answer = try changes(world, user, since: positions[start])
                let before = oracle.history[start].sharing[user] ?? []
                let after = now[user] ?? []
                var expected = after.subtracting(before)
                for step in oracle.history[(start + 1)...] {
                    if let changed = step.changed, after.contains(changed) || changed == user {
                        expected.insert(changed)
                    }
                }
                #expect(answer.changed.isSuperset(of: expected), "\(user) since \(start), seed \(seed)")
                #expect(answer.left.isSuperset(of: before.subtracting(after)), "\(user) since \(start), seed \(seed)")
                // Nobody is named who has nothing to do with it.
                #expect(answer.changed.isSubset(of: after.union([user])))
                #expect(answer.left.isDisjoint(with: after))
            }
        }
        let live = try world.engine.digests()
        #expect(live.contains { $0.name == "keys" })
    }

    @Test func syncTellsWhatQueriesTell() throws {
        let world = try World()
        for user in [alice, bob] { try login(world, user, "DEV") }
        try world.createRoom(room, by: alice)
        let first = try world.sync(alice)
        #expect(first.json["device_lists"] == ["changed": [], "left": []])
        try world.member(bob, "join", in: room)
        let second = try world.sync(alice, since: first.next)
        #expect(second.json["device_lists"] == ["changed": [.string(bob)], "left": []])
        try login(world, bob, "TEL")
        let third = try world.sync(alice, since: second.next)
        #expect(third.hasNews && third.json["device_lists"]?["changed"] == [.string(bob)])
        #expect(try world.sync(alice, since: third.next).hasNews == false)
    }
}
