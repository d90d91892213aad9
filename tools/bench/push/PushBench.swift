import CanonicalJSON
import EventLog
import Foundation
import LogEvents
import ProjectionEngine
import Projections
import PushRules
import Queries
import ReadModel

/// Measures the push decisions of messages in one room with many local members:
/// `push-bench [members]` (10,000 when not said), for three kinds of rules and one of writing.
@main struct PushBench {
    static func main() throws {
        let members = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000
        let directory = NSTemporaryDirectory() + "push-bench-\(ProcessInfo.processInfo.processIdentifier)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let house = try BenchRoom(directory: directory, members: members)
        let users = house.users
        print("\(members) local members, all with a pusher; milliseconds for one message: median, worst of 100")
        try house.measure("default rules", users)
        for user in 0..<(members / 10) {
            try house.put(
                "cake\(user)", .content, ["pattern": .string("cake\(user)"), "actions": ["notify"]], of: user)
        }
        try house.measure("a tenth with a keyword of their own", users)
        try house.measure(
            "the same, and somebody is mentioned", users, mentions: ["user_ids": ["@u5:bench.example.org"]])
        for user in 0..<members {
            try house.put("word", .content, ["pattern": .string("word\(user)"), "actions": ["notify"]], of: user)
        }
        try house.measure("everybody with a keyword of their own", users)
        try house.counts()
        try house.views.close()
    }
}

private final class BenchRoom {
    let views: Views
    let engine: ProjectionEngine
    private let queries: PushQueries
    private var position: UInt64 = 0
    private var depth: Int64 = 0
    private let members: Int
    private let room = "!room:bench.example.org"

    init(directory: String, members: Int) throws {
        self.members = members
        views = try Views(directory: directory)
        engine = ProjectionEngine(views: views, projections: builtInProjections)
        queries = PushQueries(views: views)
        var records = [event("m.room.create", 0, stateKey: "", ["room_version": "11"])]
        records.append(event("m.room.power_levels", 0, stateKey: "", ["users": [name(0): 100]]))
        for user in 0..<members {
            records.append(
                event(
                    "m.room.member", user, stateKey: name(user),
                    ["membership": "join", "displayname": .string("User \(user)")]))
        }
        var rest = records[...]
        while !rest.isEmpty {
            try engine.apply(Array(rest.prefix(500)))
            rest = rest.dropFirst(500)
        }
    }

    private func name(_ user: Int) -> String { "@u\(user):bench.example.org" }

    var users: Set<UserNum> { Set((1...UInt32(members)).map { UserNum(rawValue: $0) }) }

    private func record(_ fact: some LogEvent, _ stream: StreamID = .none) -> EventRecord {
        position += 1
        return EventRecord(
            position: LogPosition(rawValue: position), wallTimeMs: 1, streamVersion: position,
            record: fact.record(stream: stream, actor: "", cause: ""))
    }

    private func event(_ type: String, _ sender: Int, stateKey: String? = nil, _ content: JSONObject) -> EventRecord {
        depth += 1
        var pdu: JSONObject = [
            "type": .string(type), "sender": .string(name(sender)), "room_id": .string(room),
            "content": .object(content), "depth": .integer(depth), "origin_server_ts": .integer(1000 + depth),
            "prev_events": [], "auth_events": [],
        ]
        if let stateKey { pdu["state_key"] = .string(stateKey) }
        let eventID = "$" + String(repeating: "e", count: 43 - String(depth).utf8.count) + String(depth)
        return record(
            PDURecorded(
                verdict: .accepted, roomVersion: "11", roomID: room, eventID: eventID, setsOwnEntry: stateKey != nil,
                pdu: pdu.canonicalBytes()), StreamID(kind: .room, name: room))
    }

    func put(_ id: String, _ kind: PushRuleKind, _ body: JSONObject, of user: Int) throws {
        let change = try PushRuleset().put(kind, id, body: body, before: nil, after: nil)
        try engine.apply([record(PushRuleChanged(userID: name(user), change: change.json))])
    }

    func measure(_ what: String, _ users: Set<UserNum>, mentions: JSONValue? = nil) throws {
        var decisions: [Double] = []
        var writes: [Double] = []
        var notified = 0
        for number in 0..<100 {
            var content: JSONObject = [
                "msgtype": "m.text", "body": .string("this is message \(number), of about the usual length, with cake"),
            ]
            if let mentions { content["m.mentions"] = mentions }
            let sent = event("m.room.message", number, content)
            writes.append(try milliseconds { try engine.apply([sent]) })
            let before = LogPosition(rawValue: sent.position.rawValue - 1)
            decisions.append(
                try milliseconds {
                    notified = try queries.news(after: before, limit: 10, users: users).notified.first?.users.count ?? 0
                })
        }
        let (half, worst) = summary(decisions)
        print(
            "\(what): decided in \(half), worst \(worst); \(notified) are notified; written to all projections in "
                + summary(writes).0)
    }

    /// What one member's phone shows, found without and with what was remembered.
    func counts() throws {
        let user = UserNum(rawValue: UInt32(members - 1))
        let first = try milliseconds { _ = try queries.unreadTotal(of: user) }
        let second = try milliseconds { _ = try queries.unreadTotal(of: user) }
        print("unread messages of one member: \(text(first)) ms at first, then \(text(second)) ms")
    }

    private func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let time = try clock.measure(body)
        return Double(time.components.attoseconds) / 1e15 + Double(time.components.seconds) * 1000
    }

    private func text(_ number: Double) -> String { String(format: "%.2f", number) }

    private func summary(_ times: [Double]) -> (String, String) {
        let sorted = times.sorted()
        return (text(sorted[sorted.count / 2]), text(sorted[sorted.count - 1]))
    }
}
