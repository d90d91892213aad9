import CanonicalJSON
import EventLog
import LogEvents

/// Makes the records of one large room, as the commands decide them, with ids and signatures of the right size.
struct ForkedRoom {
    private var random: UInt64 = 42
    private var room = ""
    private let admin = "@admin:example.org"
    private var create = ""
    private var powerLevels = ""
    private var joinRules = ""
    private(set) var joins = 0
    private(set) var forks = 0
    private var clock: Int64 = 1_700_000_000_000

    /// An event with its id and where it stands.
    private struct Tip {
        var eventID: String
        var depth: Int64
    }

    init() {
        room = "!" + text(18) + ":example.org"
    }

    private mutating func text(_ length: Int) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var out: [UInt8] = []
        for _ in 0..<length {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            out.append(letters[Int(random >> 58)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// - Parameter every: after how many joins the room forks for a while; nil for never.
    mutating func records(joins count: Int, forkEvery every: Int?, _ sink: ([NewRecord]) -> Void) {
        var first: [NewRecord] = []
        var tip = Tip(eventID: "", depth: 0)
        add(to: &first, after: &tip, admin, "m.room.create", "", ["room_version": "11"], auth: [])
        create = tip.eventID
        add(to: &first, after: &tip, admin, "m.room.member", admin, ["membership": "join"], auth: [create])
        let member = tip.eventID
        add(
            to: &first, after: &tip, admin, "m.room.power_levels", "", ["users": [admin: 100]],
            auth: [create, member])
        powerLevels = tip.eventID
        add(
            to: &first, after: &tip, admin, "m.room.join_rules", "", ["join_rule": "public"],
            auth: [create, member, powerLevels])
        joinRules = tip.eventID
        sink(first)
        while joins < count {
            var batch: [NewRecord] = []
            let isFork = every.map { joins / $0 > forks } ?? false
            if isFork {
                forks += 1
                fork(at: &tip, admin: member, &batch)
            } else {
                join(&batch, &tip, before: nil)
            }
            sink(batch)
        }
    }

    /// Two branches of four events, one by one in the log; both set the topic. An event that names both ends the fork.
    private mutating func fork(at tip: inout Tip, admin member: String, _ batch: inout [NewRecord]) {
        let point = tip.eventID
        var main = tip
        var side = tip
        for step in 0..<4 {
            let isFirst = step == 0
            let mainBefore = isFirst ? nil : PDURecorded.StateBefore(origin: .after, eventID: main.eventID)
            let sideBefore = PDURecorded.StateBefore(origin: .after, eventID: isFirst ? point : side.eventID)
            if step == 2 {
                let auth = [create, member, powerLevels]
                add(
                    to: &batch, after: &main, admin, "m.room.topic", "", ["topic": .string("main \(forks)")], auth: auth,
                    before: mainBefore)
                // Of the two the resolution keeps the one or the other.
                add(
                    to: &batch, after: &side, admin, "m.room.topic", "", ["topic": .string("side \(forks)")], auth: auth,
                    before: sideBefore, setsOwn: forks % 2 == 0)
            } else {
                join(&batch, &main, before: mainBefore)
                join(&batch, &side, before: sideBefore)
            }
        }
        tip = Tip(eventID: main.eventID, depth: max(main.depth, side.depth))
        let auth = [create, member, powerLevels]
        add(
            to: &batch, after: &tip, admin, "m.room.message", nil, ["body": "merged", "msgtype": "m.text"], auth: auth,
            alsoAfter: side.eventID)
    }

    private mutating func join(_ batch: inout [NewRecord], _ tip: inout Tip, before: PDURecorded.StateBefore?) {
        joins += 1
        let user = "@user.\(joins):example.org"
        add(
            to: &batch, after: &tip, user, "m.room.member", user,
            ["membership": "join", "displayname": .string("User \(joins)")], auth: [create, powerLevels, joinRules],
            before: before)
    }

    private mutating func add(
        to batch: inout [NewRecord], after tip: inout Tip, _ sender: String, _ type: String, _ stateKey: String?,
        _ content: JSONObject, auth: [String], before: PDURecorded.StateBefore? = nil, setsOwn: Bool = true,
        alsoAfter other: String? = nil
    ) {
        clock += 10
        tip.depth += 1
        let previous = (tip.eventID.isEmpty ? [] : [tip.eventID]) + (other.map { [$0] } ?? [])
        let eventID = "$" + text(43)
        var object: JSONObject = [
            "auth_events": .array(auth.map { .string($0) }), "content": .object(content), "depth": .integer(tip.depth),
            "hashes": ["sha256": .string(text(43))], "origin_server_ts": .integer(clock),
            "prev_events": .array(previous.map { .string($0) }), "room_id": .string(room), "sender": .string(sender),
            "signatures": ["example.org": ["ed25519:abcdef": .string(text(86))]], "type": .string(type),
        ]
        if let stateKey { object["state_key"] = .string(stateKey) }
        tip.eventID = eventID
        let fact = PDURecorded(
            verdict: .accepted, roomVersion: "11", roomID: room, eventID: eventID,
            setsOwnEntry: stateKey != nil && setsOwn, stateBefore: before, pdu: object.canonicalBytes())
        batch.append(fact.record(stream: StreamID(kind: .room, name: room), actor: sender, cause: ""))
    }
}
