import CanonicalJSON
import EventLog
import Foundation
import KeyValueStore
import LogEvents
import ProjectionEngine
import Synchronization

@testable import SearchIndex

/// A log in memory, with what can be searched in it.
final class SearchScript: Sendable {
    private let records = Mutex<[EventRecord]>([])

    var head: LogPosition { LogPosition(rawValue: UInt64(records.withLock { $0.count })) }
    var all: [EventRecord] { records.withLock { $0 } }

    var source: RecordSource {
        RecordSource(
            read: { [self] from, limit in
                records.withLock { Array($0.dropFirst(Int(from.rawValue) - 1).prefix(limit)) }
            },
            head: { [self] in head })
    }

    @discardableResult
    private func append(_ record: NewRecord) -> LogPosition {
        records.withLock { records in
            let position = LogPosition(rawValue: UInt64(records.count) + 1)
            records.append(
                EventRecord(position: position, wallTimeMs: 1, streamVersion: position.rawValue, record: record))
            return position
        }
    }

    static func eventID(_ position: LogPosition) -> String { "$event\(position.rawValue)" }

    @discardableResult
    func event(
        _ type: String, _ content: JSONObject, in room: String = "!r:s", by sender: String = "@a:s",
        stateKey: String? = nil, redacts: String? = nil, sentAt: Int64 = 1, verdict: PDURecorded.Verdict = .accepted,
        isOutlier: Bool = false
    ) -> LogPosition {
        var pdu: JSONObject = [
            "type": .string(type), "sender": .string(sender), "room_id": .string(room), "content": .object(content),
            "depth": 1, "origin_server_ts": .integer(sentAt), "prev_events": [], "auth_events": [],
        ]
        if let stateKey { pdu["state_key"] = .string(stateKey) }
        let fact = PDURecorded(
            verdict: verdict, roomVersion: "11", roomID: room, eventID: Self.eventID(head.next),
            setsOwnEntry: stateKey != nil, isOutlier: isOutlier, redacts: redacts, pdu: pdu.canonicalBytes())
        return append(fact.record(stream: StreamID(kind: .room, name: room), actor: sender, cause: ""))
    }

    @discardableResult
    func message(_ text: String, in room: String = "!r:s", by sender: String = "@a:s") -> LogPosition {
        event("m.room.message", ["msgtype": "m.text", "body": .string(text)], in: room, by: sender)
    }

    @discardableResult
    func edit(
        _ target: LogPosition, _ text: String, in room: String = "!r:s", by sender: String = "@a:s", sentAt: Int64 = 2
    ) -> LogPosition {
        event(
            "m.room.message",
            [
                "body": .string("* " + text), "m.new_content": ["body": .string(text)],
                "m.relates_to": ["rel_type": "m.replace", "event_id": .string(Self.eventID(target))],
            ], in: room, by: sender, sentAt: sentAt)
    }

    @discardableResult
    func redact(_ target: LogPosition, in room: String = "!r:s") -> LogPosition {
        event("m.room.redaction", [:], in: room, redacts: Self.eventID(target))
    }

    /// Records that payloads were destroyed.
    @discardableResult
    func erase(_ positions: [LogPosition]) -> LogPosition {
        var payload = ByteWriter(capacity: 64)
        payload.writeVarint(UInt64(positions.count))
        for position in positions {
            payload.writeVarint(position.rawValue)
            payload.writeBytes([UInt8](repeating: 0, count: 32))
        }
        payload.writeFramed("actor")
        payload.writeFramed("reason")
        return append(NewRecord(kind: .erasure, stream: .none, payload: payload.bytes))
    }

    /// The same log with some payloads emptied of what a redaction takes away.
    func erased(_ positions: Set<LogPosition>) throws -> SearchScript {
        let copy = SearchScript()
        for record in all {
            guard positions.contains(record.position) else {
                copy.append(NewRecord(of: record, payload: record.payload))
                continue
            }
            var fact = try PDURecorded(payload: record.payload)
            var pdu = try JSONObject.parse(fact.pdu) ?? [:]
            pdu["content"] = [:]
            fact.pdu = pdu.canonicalBytes()
            copy.append(fact.record(stream: record.stream, actor: record.actor, cause: ""))
        }
        return copy
    }
}

extension NewRecord {
    fileprivate init(of record: EventRecord, payload: [UInt8]) {
        self.init(
            kind: record.kind, version: record.version, stream: record.stream, actor: record.actor,
            cause: record.cause, payload: payload)
    }
}

/// An index in a directory of its own.
final class IndexFixture: Sendable {
    let directory: String
    let index: SearchIndex

    init() throws {
        directory = NSTemporaryDirectory() + "engram-search-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        index = try SearchIndex(directory: directory)
    }

    convenience init(_ script: SearchScript, inBatchesOf size: Int = 512) throws {
        try self.init()
        let follower = SearchFollower(index: index, source: script.source)
        try follower.prepare()
        var next = size
        while follower.position < script.head {
            try follower.catchUp(upTo: LogPosition(rawValue: min(UInt64(next), script.head.rawValue)))
            next += size
        }
    }

    func find(
        _ term: String, keys: Set<SearchExpression.Key> = Set(SearchExpression.Key.allCases), rooms: [String]? = nil
    )
        throws -> [UInt64]
    {
        guard let expression = SearchExpression(term, keys: keys, rooms: rooms) else { return [] }
        return try index.matches(expression, upTo: LogPosition(rawValue: UInt64(Int64.max)), limit: 1000).map {
            $0.position.rawValue
        }
    }

    deinit {
        index.close()
        try? FileManager.default.removeItem(atPath: directory)
    }
}
