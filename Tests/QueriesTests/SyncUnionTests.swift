import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import TestSupport
import Testing

/// Whatever is cut into whatever syncs, a client learns each event once and ends with the room's state.
@Suite("The union of syncs is the timeline")
struct SyncUnionTests {
    @Test("no event twice, none missing, and the state adds up", arguments: 1...12 as ClosedRange<UInt64>)
    func union(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let world = try World()
        let rooms = (0..<3).map { "!r\($0):example.org" }
        for name in rooms { try world.createRoom(name, by: alice) }
        let stateAfter = seed % 2 == 0
        let limit = random.oneIn(2) ? 1000 : 3
        let filter: JSONValue = ["room": ["timeline": ["limit": .integer(Int64(limit))]]]
        var seen: [String: [String]] = [:]
        var state: [String: [String: String]] = [:]
        var expected: [String: [String]] = [:]
        func learn(_ synced: Synced) throws {
            for name in rooms where synced.joined(name) != nil {
                let before = synced.state(name, "join", stateAfter ? "state_after" : "state")
                let timeline = synced.timeline(name)
                for event in before + (stateAfter ? [] : timeline) {
                    guard let key = event["state_key"]?.stringValue, let type = event["type"]?.stringValue else {
                        continue
                    }
                    state[name, default: [:]][type + "|" + key] = event["event_id"]?.stringValue
                }
                if synced.isLimited(name) == true, let last = seen[name]?.last,
                    let at = expected[name]?.firstIndex(of: last)
                {
                    // What the gap left out is fetched by /messages; here it is taken from what was sent.
                    let first = timeline.ids.first.flatMap { expected[name]?.firstIndex(of: $0) } ?? at + 1
                    seen[name, default: []] += expected[name]?[(at + 1)..<max(at + 1, first)] ?? []
                }
                seen[name, default: []] += timeline.ids
            }
        }
        let all = try world.sync(alice, filter: ["room": ["timeline": ["limit": 1000]]], stateAfter: stateAfter)
        for name in rooms { expected[name] = all.timeline(name).ids }
        try learn(all)
        var token = all.next
        for step in 0..<150 {
            let name = rooms[random.below(rooms.count)]
            let event: String
            switch random.below(6) {
            case 0:
                event = try world.send(
                    "org.x\(random.below(3))", in: name, by: alice, stateKey: "", ["n": .integer(Int64(step))])
            case 1:
                event = try world.member(
                    "@u\(random.below(4)):example.org", random.oneIn(2) ? "join" : "leave", in: name)
            default: event = try world.message("\(step)", in: name, by: alice)
            }
            expected[name, default: []].append(event)
            if random.oneIn(8) { try world.receipt(alice, event, in: name) }
            guard random.oneIn(4) else { continue }
            let synced = try world.sync(alice, since: token, filter: filter, stateAfter: stateAfter)
            token = synced.next
            try learn(synced)
        }
        try learn(try world.sync(alice, since: token, filter: filter, stateAfter: stateAfter))
        let queries = RoomQueries(views: world.views)
        for name in rooms {
            #expect(seen[name] == expected[name], "seed \(seed)")
            var current: [String: String] = [:]
            for event in try queries.fullState(.init(parsing: name)) {
                current[event.type + "|" + (event.stateKey ?? "")] = event.eventID.rawValue
            }
            #expect(state[name] == current, "seed \(seed)")
        }
    }

    @Test(
        "the answer is the same whether recent changes are remembered or not", arguments: 1...6 as ClosedRange<UInt64>)
    func withoutMemory(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let world = try World()
        let rooms = (0..<4).map { "!r\($0):example.org" }
        for name in rooms { try world.createRoom(name, by: alice) }
        let others = [ChangeNotifier(nowMs: { 0 }), world.forgetful].map {
            SyncQueries(views: world.views, ephemeral: world.typing, notifier: $0)
        }
        var tokens = [try world.sync(alice).next]
        for step in 0..<40 {
            let name = rooms[random.below(rooms.count)]
            let event = try world.message("\(step)", in: name, by: alice)
            if random.oneIn(3) { try world.receipt(alice, event, in: name) }
            if random.oneIn(5) {
                try world.record(
                    AccountDataSet(userID: alice, roomID: name, type: "t", content: ["n": .integer(Int64(step))]))
            }
            tokens.append(SyncToken(epoch: 1, position: world.views.head.rawValue, ephemeral: 1).description)
            guard let since = random.pick(tokens) else { continue }
            let request = SyncRequest(asker: try world.asker(alice), since: try SyncToken(parsing: since))
            let answer = try JSONValue.parse(world.sync.sync(request).body)
            for other in others {
                #expect(try JSONValue.parse(other.sync(request).body) == answer, "seed \(seed)")
            }
        }
    }
}
