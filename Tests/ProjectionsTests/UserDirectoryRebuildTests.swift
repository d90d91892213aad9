import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel
import TestSupport
import Testing

@Suite struct UserDirectoryRebuildTests {
    /// Members of here and elsewhere with changing names in rooms that open and close; every name may be redacted.
    private func script(seed: UInt64) -> (log: LogScript, redacted: [LogPosition]) {
        var random = SeededRandom(seed: seed)
        var log = LogScript()
        let users = ["@a:s", "@b:s", "@x:t", "@y:t"]
        for user in users.prefix(2) { log.append(AccountRegistered(userID: user, accountKind: "user")) }
        let rooms = ["!1:s", "!2:s"]
        for room in rooms { log.room(room, by: users[0]) }
        var named: [(room: String, event: String, position: LogPosition)] = []
        var redacted: [LogPosition] = []
        for step in 0..<300 {
            let user = users[random.below(users.count)]
            let room = rooms[random.below(rooms.count)]
            switch random.below(6) {
            case 0, 1:
                let event = log.member(user, in: room, "join", name: "Nämé \(step % 7) \(user)")
                named.append((room, event, log.head))
            case 2: log.member(user, in: room, random.oneIn(2) ? "leave" : "ban", by: users[0])
            case 3:
                log.event(
                    "m.room.join_rules", in: room, by: users[0], stateKey: "",
                    content: ["join_rule": random.oneIn(2) ? "public" : "invite"])
            case 4:
                guard !named.isEmpty else { continue }
                let target = named.remove(at: random.below(named.count))
                log.event(
                    "m.room.redaction", in: target.room, by: users[0], content: ["redacts": .string(target.event)],
                    redacts: target.event)
                redacted.append(target.position)
            default:
                log.append(ProfileFieldSet(userID: users[step % 2], field: "displayname", value: .string("P \(step)")))
            }
        }
        return (log, redacted)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theDirectoryIsTheSameRebuiltAndErased(seed: UInt64) throws {
        var (log, redacted) = script(seed: seed)
        let live = try ViewFixture(log, inBatchesOf: 3)
        let digests = try live.engine.digests()
        let words = try live.read { transaction, tables in try transaction.count(tables.userDirectoryWords) }
        #expect(words > 4)
        try live.engine.rebuild(["userDirectory"])
        try #expect(live.engine.digests() == digests)
        for position in redacted { try log.erase(position) }
        let replayed = try ViewFixture(log, inBatchesOf: 64)
        let name = "userDirectory"
        let (old, new) = (digests.first { $0.name == name }, try replayed.engine.digests().first { $0.name == name })
        #expect(old != nil && old?.digest == new?.digest)
    }
}
