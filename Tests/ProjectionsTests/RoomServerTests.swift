import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import Projections
import ReadModel
import TestSupport
import Testing

/// Which servers are in a room after every record, compared with counting the members.
@Suite struct RoomServerTests {
    private static let servers = ["a.org", "b.org", "c.org:8448", "d.org"]

    @Test(arguments: 1...8 as ClosedRange<UInt64>) func theServersAreThoseOfTheMembers(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var log = LogScript()
        let users = Self.servers.flatMap { server in (0..<3).map { "@u\($0):\(server)" } }
        log.event("m.room.create", in: "!r:a.org", by: users[0], stateKey: "")
        var events: [String: [(id: String, membership: String)]] = [:]
        var members: [String: String] = [:]
        var expected: [LogPosition: Set<String>] = [:]
        func note() {
            let present = members.filter { $0.value == "join" }.keys
            expected[log.head] = Set(Self.servers.filter { server in present.contains { $0.hasSuffix(":" + server) } })
        }
        for step in 0..<120 {
            let user = users[random.below(users.count)]
            let membership = ["join", "join", "leave", "invite", "ban"][random.below(5)]
            let other = users[random.below(users.count)]
            switch random.below(10) {
            case 0: log.event("m.room.message", in: "!r:a.org", by: user)
            case 1:
                // What is rejected changes nothing, nor does an event whose place is not known.
                log.event(
                    "m.room.member", in: "!r:a.org", by: user, stateKey: user,
                    content: ["membership": .string(membership)], verdict: random.oneIn(2) ? .rejected : .accepted,
                    setsOwnEntry: false, isOutlier: true)
            case 2 where events[other] != nil:
                // A resolution gives another member an older event back, or takes the entry away.
                let old = events[other]?[random.below(events[other]?.count ?? 1)]
                let isGone = random.oneIn(3)
                log.event(
                    "m.room.topic", in: "!r:a.org", by: user, stateKey: "\(step)",
                    delta: [.init(type: "m.room.member", stateKey: other, eventID: isGone ? nil : old?.id)])
                members[other] = isGone ? nil : old?.membership
            default:
                let id = log.member(user, in: "!r:a.org", membership)
                events[user, default: []].append((id, membership))
                members[user] = membership
            }
            note()
        }
        let views = try ViewFixture(log, inBatchesOf: 1 + random.below(5))
        try views.read { transaction, tables in
            var rows: [String: RoomServerRow] = [:]
            var lastChange = LogPosition.none
            try transaction.forEach(tables.serversInRooms) { key, value in
                if key.count == 4 {
                    lastChange = LogPosition(rawValue: value.loadUnaligned(as: UInt64.self).bigEndian)
                } else {
                    rows[String(decoding: key.dropFirst(4), as: UTF8.self)] = try RoomServerRow(reading: value)
                }
                return true
            }
            for (position, servers) in expected {
                // A row answers back to its oldest change that is kept.
                for server in Self.servers {
                    guard let row = rows[server] else {
                        #expect(!servers.contains(server))
                        continue
                    }
                    if row.changes.count == 16, let first = row.changes.first, position < first { continue }
                    #expect(row.isIn(at: position) == servers.contains(server), "\(server) at \(position)")
                }
            }
            let now = expected[log.head] ?? []
            #expect(Set(rows.filter { $0.value.joined > 0 }.keys) == now)
            #expect(try transaction.count(tables.serversRooms) == now.count)
            #expect(lastChange == rows.values.compactMap(\.changes.last).max())
        }
        let digests = try views.engine.digests()
        try views.engine.rebuild()
        #expect(try views.engine.digests() == digests)
    }
}
