import CanonicalJSON
import EventLog
import LogEvents
import ProjectionEngine
import Projections
import TestSupport
import Testing

/// Memberships of rooms that nobody here is in, mixed with rooms that become known later.
@Suite struct OutsideRebuildTests {
    private func script(seed: UInt64) -> LogScript {
        var random = SeededRandom(seed: seed)
        var log = LogScript()
        let users = ["@a:s", "@b:s"]
        for user in users { log.append(AccountRegistered(userID: user, accountKind: "user")) }
        log.room("!1:s", by: users[0])
        for step in 0..<120 {
            let user = users[random.below(2)]
            let room = "!\(random.below(4)):s"
            let membership = ["invite", "knock", "leave"][random.below(3)]
            if random.below(4) == 0 {
                log.member(user, in: "!1:s", random.oneIn(2) ? "join" : "leave")
                continue
            }
            log.append(
                OutsideMembershipSet(
                    userID: user, roomID: room, roomVersion: "11", eventID: "$o\(step)",
                    event: [
                        "auth_events": [], "content": ["membership": .string(membership)], "depth": 3,
                        "origin_server_ts": .integer(Int64(step)), "prev_events": [], "room_id": .string(room),
                        "sender": "@far:away", "state_key": .string(user), "type": "m.room.member",
                    ],
                    roomState: random.oneIn(2)
                        ? [["type": "m.room.name", "state_key": "", "sender": "@far:away", "content": [:]]] : [],
                    origin: "away"))
        }
        return log
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>) func liveIsTheSameAsRebuilt(seed: UInt64) throws {
        let live = try ViewFixture(script(seed: seed))
        let digests = try live.engine.digests()
        let replayed = try ViewFixture()
        replayed.script.replace(script(seed: seed).records)
        try replayed.engine.catchUp()
        #expect(try replayed.engine.digests() == digests)
        try live.engine.rebuild()
        #expect(try live.engine.digests() == digests)
    }
}
