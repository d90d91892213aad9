import CanonicalJSON
import EventLog
import Glibc
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel

/// Prints what the queries of busy endpoints cost, without HTTP.
///
/// 1 room of 100 members, 100 rooms of 20 messages, and 1,000 rooms more of one user who follows everything.
@main
enum QueryBench {
    static func main() throws {
        var template = Array("/tmp/engram-query-bench-XXXXXX".utf8CString)
        let directory = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let directory else { return }
        let bench = try Bench(directory: directory)
        try bench.fill()
        try bench.run()
        try bench.views.close()
        for name in ["data.mdb", "lock.mdb", "session"] { unlink(directory + "/" + name) }
        rmdir(directory)
    }
}

final class Bench {
    let views: Views
    let engine: ProjectionEngine
    let notifier = ChangeNotifier(nowMs: { 0 })
    let sync: SyncQueries
    private var position: UInt64 = 0
    private var depths: [String: Int64] = [:]
    private var versions: [StreamID: UInt64] = [:]
    private var lastEvents: [String: String] = [:]
    private var pending: [EventRecord] = []
    private let large = "!large:example.org"

    init(directory: String) throws {
        views = try Views(directory: directory)
        let notifier = notifier
        notifier.start(at: 0)
        engine = ProjectionEngine(views: views, projections: builtInProjections) { notifier.applied($0) }
        sync = SyncQueries(
            views: views, ephemeral: EphemeralState(startingAt: 1, nowMs: { 0 }, notifier: notifier),
            notifier: notifier)
    }

    // MARK: Filling

    func fill() throws {
        send("m.room.create", large, "@u0:example.org", "", ["room_version": "10"])
        for user in 0..<100 { member("@u\(user):example.org", large) }
        for number in 0..<2000 { message(large, "@u\(number % 100):example.org", number) }
        try flush()
        for room in 0..<100 { fillRoom("!h\(room):example.org", "@heavy:example.org", messages: 20) }
        try flush()
        for room in 0..<1000 { fillRoom("!w\(room):example.org", "@wide:example.org", messages: 2) }
        try flush()
    }

    private func fillRoom(_ room: String, _ user: String, messages: Int) {
        send("m.room.create", room, user, "", ["room_version": "10"])
        member(user, room)
        send("m.room.power_levels", room, user, "", ["users": .object([user: 100]), "users_default": 0])
        send("m.room.join_rules", room, user, "", ["join_rule": "invite"])
        send("m.room.history_visibility", room, user, "", ["history_visibility": "shared"])
        send("m.room.name", room, user, "", ["name": .string(room)])
        for peer in 0..<5 { member("@p\(peer):example.org", room) }
        for number in 0..<messages { message(room, "@p\(number % 5):example.org", number) }
    }

    private func member(_ user: String, _ room: String) {
        send("m.room.member", room, user, user, ["membership": "join", "displayname": .string(user)])
    }

    private func message(_ room: String, _ user: String, _ number: Int) {
        let body = "message \(number) " + String(repeating: "lorem ipsum ", count: 16)
        send("m.room.message", room, user, nil, ["msgtype": "m.text", "body": .string(body)])
    }

    private func send(_ type: String, _ room: String, _ sender: String, _ stateKey: String?, _ content: JSONObject) {
        position += 1
        let depth = depths[room, default: 0] + 1
        depths[room] = depth
        let stream = StreamID(kind: .room, name: room)
        versions[stream, default: 0] += 1
        var pdu: JSONObject = [
            "type": .string(type), "sender": .string(sender), "room_id": .string(room), "content": .object(content),
            "depth": .integer(depth), "origin_server_ts": 1_700_000_000_000,
            "prev_events": .array(lastEvents[room].map { [.string($0)] } ?? []), "auth_events": [],
        ]
        if let stateKey { pdu["state_key"] = .string(stateKey) }
        let digits = String(position)
        let eventID = "$" + digits + String(repeating: "x", count: 43 - digits.utf8.count)
        lastEvents[room] = eventID
        let fact = PDURecorded(
            verdict: .accepted, roomVersion: "10", roomID: room, eventID: eventID, setsOwnEntry: stateKey != nil,
            pdu: pdu.canonicalBytes())
        pending.append(
            EventRecord(
                position: LogPosition(rawValue: position), wallTimeMs: 1, streamVersion: versions[stream] ?? 1,
                record: fact.record(stream: stream, actor: "", cause: "")))
    }

    private func flush() throws {
        try engine.apply(pending)
        pending = []
    }

    // MARK: Measuring

    private func asker(_ user: String) throws -> Asker {
        let userID = try UserID(parsing: user)
        let number = try AccountQueries(views: views).number(of: userID) ?? .none
        return Asker(Identity(userID: userID, userNum: number, deviceID: "D"), nowMs: 1_700_000_001_000, epoch: 1)
    }

    func run() throws {
        let reader = try asker("@u1:example.org")
        let heavy = try asker("@heavy:example.org")
        let wide = try asker("@wide:example.org")
        let large = try RoomID(parsing: large)
        try measure("initial sync, 100 rooms of 20 events", rounds: 30) {
            var filter = SyncFilter()
            filter.timeline.limit = 20
            return try sync.sync(SyncRequest(asker: heavy, filter: filter)).body.count
        }
        try measure("initial sync, 1,000 rooms", rounds: 5) { try sync.sync(SyncRequest(asker: wide)).body.count }
        try measure("incremental sync, nothing new, 1 room", rounds: 20_000) {
            let since = SyncToken(epoch: 1, position: views.head.rawValue, ephemeral: 1)
            return try sync.sync(SyncRequest(asker: reader, since: since)).body.count
        }
        for (name, user, room) in [
            ("1 room of 100 members", reader, large.rawValue), ("1,000 rooms", wide, "!w500:example.org"),
        ] {
            let since = SyncToken(epoch: 1, position: views.head.rawValue, ephemeral: 1)
            message(room, "@p1:example.org", 1)
            try flush()
            try measure("incremental sync, 1 new event, \(name)", rounds: 20_000) {
                try sync.sync(SyncRequest(asker: user, since: since)).body.count
            }
        }
        let far = SyncToken(epoch: 1, position: views.head.rawValue - 5000, ephemeral: 1)
        try measure("incremental sync, 5,000 new events, 1,000 rooms", rounds: 50) {
            try sync.sync(SyncRequest(asker: wide, since: far)).body.count
        }
        let timelines = TimelineQueries(views: views)
        try measure("/messages of 50", rounds: 5000) {
            try timelines.messages(
                room: large, from: nil, to: nil, backwards: true, limit: 50, filter: EventFilter(), by: reader
            ).count
        }
        let members = MemberQueries(views: views, cache: RenderedCache())
        try measure("joined_members of 100, remembered", rounds: 20_000) {
            try members.joinedMembers(room: large, by: reader).count
        }
        let cold = MemberQueries(views: views)
        try measure("joined_members of 100, anew", rounds: 5000) {
            try cold.joinedMembers(room: large, by: reader).count
        }
        let states = StateQueries(views: views)
        try measure("state of 101 entries", rounds: 2000) { try states.state(room: large, by: reader).count }
    }

    private func measure(_ name: String, rounds: Int, _ body: () throws -> Int) throws {
        let clock = ContinuousClock()
        var best = Duration.seconds(1000)
        var size = 0
        for _ in 0..<5 {
            let start = clock.now
            for _ in 0..<rounds { size = try body() }
            best = min(best, (clock.now - start) / rounds)
        }
        let micros = Double(best / .nanoseconds(1)) / 1000
        let padding = String(repeating: " ", count: max(1, 52 - name.utf8.count))
        print("\(name)\(padding)\((micros * 10).rounded() / 10) µs   \(size) bytes")
    }
}
