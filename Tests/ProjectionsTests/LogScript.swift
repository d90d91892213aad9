import CanonicalJSON
import EventLog
import LogEvents
import MatrixEvents
import RoomVersions

/// Writes records as the commands would, without a log.
struct LogScript {
    private(set) var records: [EventRecord] = []
    private var streamVersions: [StreamID: UInt64] = [:]
    private var depths: [String: Int64] = [:]
    private var extremities: [String: [String]] = [:]
    private(set) var eventCount = 0
    var roomVersion = "11"

    var head: LogPosition { LogPosition(rawValue: UInt64(records.count)) }

    /// The id of the event that is made as the so-manieth.
    static func eventID(number: Int) -> String {
        let digits = String(number)
        return "$" + String(repeating: "x", count: 43 - digits.utf8.count) + digits
    }

    mutating func append(_ fact: some LogEvent, stream: StreamID = StreamID(kind: .server, name: "test")) {
        append(fact.record(stream: stream, actor: "@test:a", cause: "test"))
    }

    mutating func append(_ record: NewRecord) {
        let version = (streamVersions[record.stream] ?? 0) + 1
        streamVersions[record.stream] = version
        records.append(
            EventRecord(
                position: head.next, wallTimeMs: 1_700_000_000_000 + Int64(records.count), streamVersion: version,
                record: record))
    }

    /// Records a PDU and returns its id.
    @discardableResult
    mutating func event(
        _ type: String, in room: String, by sender: String, stateKey: String? = nil, content: JSONObject = [:],
        redacts: String? = nil, transaction: String? = nil, verdict: PDURecorded.Verdict = .accepted,
        setsOwnEntry: Bool? = nil, isOutlier: Bool = false, delta: [PDURecorded.StateChange] = [],
        stateBefore: PDURecorded.StateBefore? = nil, previous: [String]? = nil
    ) -> String {
        eventCount += 1
        let eventID = Self.eventID(number: eventCount)
        let depth = (depths[room] ?? 0) + 1
        var object: JSONObject = [
            "auth_events": [], "content": .object(content), "depth": .integer(depth),
            "hashes": ["sha256": "abc"], "origin_server_ts": .integer(1_700_000_000_000 + Int64(eventCount)),
            "prev_events": .array((previous ?? extremities[room] ?? []).map { .string($0) }), "room_id": .string(room),
            "sender": .string(sender), "signatures": [:], "type": .string(type),
        ]
        if let stateKey { object["state_key"] = .string(stateKey) }
        if verdict == .accepted, !isOutlier {
            depths[room] = depth
            extremities[room] = [eventID]
        }
        let fact = PDURecorded(
            verdict: verdict, roomVersion: roomVersion, roomID: room, eventID: eventID,
            setsOwnEntry: setsOwnEntry ?? (stateKey != nil && verdict == .accepted && !isOutlier),
            isOutlier: isOutlier,
            sentBy: transaction.map { PDURecorded.ClientTransaction(deviceID: "DEV", transactionID: $0) },
            redacts: redacts, stateDelta: delta, stateBefore: stateBefore, pdu: object.canonicalBytes())
        append(fact.record(stream: StreamID(kind: .room, name: room), actor: sender, cause: "test"))
        return eventID
    }

    @discardableResult
    mutating func member(
        _ user: String, in room: String, _ membership: String, by sender: String? = nil, name: String? = nil
    ) -> String {
        var content: JSONObject = ["membership": .string(membership)]
        if let name { content["displayname"] = .string(name) }
        return event("m.room.member", in: room, by: sender ?? user, stateKey: user, content: content)
    }

    /// Puts what an erasure leaves of a PDU in its place: the redacted event in the same framing.
    mutating func erase(_ position: LogPosition) throws {
        let index = Int(position.rawValue) - 1
        var fact = try PDURecorded(payload: records[index].payload)
        let object = try JSONObject.parse(fact.pdu, limits: .stored) ?? [:]
        fact.pdu = Redaction.redacted(object, version: RoomVersion.named(roomVersion) ?? .v11).canonicalBytes()
        records[index] = EventRecord(
            position: position, wallTimeMs: records[index].wallTimeMs, streamVersion: records[index].streamVersion,
            record: fact.record(stream: records[index].stream, actor: records[index].actor, cause: "test"))
    }

    /// A room with its creator in it.
    mutating func room(_ room: String, by creator: String) {
        event("m.room.create", in: room, by: creator, stateKey: "", content: ["room_version": .string(roomVersion)])
        member(creator, in: room, "join", name: "Creator")
        event("m.room.power_levels", in: room, by: creator, stateKey: "", content: ["users": [creator: 100]])
        event("m.room.join_rules", in: room, by: creator, stateKey: "", content: ["join_rule": "public"])
    }

    @discardableResult
    mutating func message(_ body: String, in room: String, by sender: String, transaction: String? = nil) -> String {
        event(
            "m.room.message", in: room, by: sender, content: ["body": .string(body), "msgtype": "m.text"],
            transaction: transaction)
    }
}
