import CanonicalJSON
import EventLog
import LogEvents

/// A room that was joined from outside, as its records say: outliers, the join, a message, then two events of the past.
struct AdoptionScript {
    static let room = "!far:away"
    static let local = "@u:s"
    static let founder = "@founder:away"

    private(set) var facts: [PDURecorded] = []

    static func eventID(_ name: String) -> String { "$" + name + String(repeating: "x", count: 43 - name.utf8.count) }

    init() {
        let authEvents = ["create", "founder", "levels"]
        outlier(
            "create", "m.room.create", "", by: Self.founder, ["room_version": "11", "type": "m.space"], 1, auth: [])
        outlier(
            "founder", "m.room.member", Self.founder, by: Self.founder, membership("join", "Ada"), 2, auth: ["create"])
        outlier("levels", "m.room.power_levels", "", by: Self.founder, [:], 3, auth: ["create", "founder"])
        outlier("invite", "m.room.member", Self.local, by: Self.founder, membership("invite", nil), 8, auth: authEvents)
        var join = fact(
            "join", "m.room.member", Self.local, by: Self.local, membership("join", "Bob"), 9, after: ["late"],
            auth: ["create", "levels", "invite"])
        join.setsOwnEntry = true
        join.adopts = true
        join.stateDelta = [
            change("m.room.create", "", "create"), change("m.room.member", Self.founder, "founder"),
            change("m.room.power_levels", "", "levels"),
        ]
        join.stateBefore = PDURecorded.StateBefore(
            origin: .itself, eventID: "", delta: [change("m.room.member", Self.local, "invite")])
        facts.append(join)
        facts.append(
            fact("hello", "m.room.message", nil, by: Self.local, ["body": "hello"], 10, after: ["join"], auth: []))
        var late = fact(
            "late", "m.room.message", nil, by: Self.founder, ["body": "late"], 8, after: ["levels"], auth: [])
        late.isBackfilled = true
        late.stateBefore = PDURecorded.StateBefore(
            origin: .before, eventID: Self.eventID("join"), delta: [change("m.room.member", Self.local, nil)])
        facts.append(late)
        var founder = fact(
            "founder", "m.room.member", Self.founder, by: Self.founder, membership("join", "Ada"), 2, after: ["create"],
            auth: ["create"])
        founder.isBackfilled = true
        founder.stateBefore = PDURecorded.StateBefore(
            origin: .empty, eventID: "", delta: [change("m.room.create", "", "create")])
        facts.append(founder)
    }

    private func membership(_ membership: String, _ name: String?) -> JSONObject {
        var content: JSONObject = ["membership": .string(membership)]
        if let name { content["displayname"] = .string(name) }
        return content
    }

    private func change(_ type: String, _ stateKey: String, _ name: String?) -> PDURecorded.StateChange {
        PDURecorded.StateChange(type: type, stateKey: stateKey, eventID: name.map(Self.eventID))
    }

    private mutating func outlier(
        _ name: String, _ type: String, _ stateKey: String, by sender: String, _ content: JSONObject, _ depth: Int64,
        auth: [String]
    ) {
        var made = fact(name, type, stateKey, by: sender, content, depth, after: [], auth: auth)
        made.isOutlier = true
        facts.append(made)
    }

    private func fact(
        _ name: String, _ type: String, _ stateKey: String?, by sender: String, _ content: JSONObject, _ depth: Int64,
        after previous: [String], auth: [String]
    ) -> PDURecorded {
        var object: JSONObject = [
            "auth_events": .array(auth.map { .string(Self.eventID($0)) }), "content": .object(content),
            "depth": .integer(depth), "hashes": ["sha256": "abc"], "origin_server_ts": .integer(1000 + depth),
            "prev_events": .array(previous.map { .string(Self.eventID($0)) }), "room_id": .string(Self.room),
            "sender": .string(sender), "signatures": [:], "type": .string(type),
        ]
        if let stateKey { object["state_key"] = .string(stateKey) }
        return PDURecorded(
            verdict: .accepted, roomVersion: "11", roomID: Self.room, eventID: Self.eventID(name), setsOwnEntry: false,
            pdu: object.canonicalBytes())
    }

    /// The records, the first so many of them.
    func log(_ count: Int = .max) -> LogScript {
        var log = LogScript()
        for fact in facts.prefix(count) {
            log.append(fact.record(stream: StreamID(kind: .room, name: Self.room), actor: "@a:s", cause: ""))
        }
        return log
    }
}
