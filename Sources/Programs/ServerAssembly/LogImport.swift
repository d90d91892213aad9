import CanonicalJSON
package import Configuration
import EventLog
import EventSigning
import LogEvents

/// Appends records that `log export --secrets` printed to a new log. What was decided stays decided: nothing is judged again.
package final class LogImport: Sendable {
    private let eventLog: LMDBEventLog

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Throws: when the log has records other than its own first ones.
    package init(configuration: ServerConfiguration) throws {
        let data = DataDirectory(configuration: configuration)
        try DataDirectory.makeDirectories(data.log)
        let key = try configuration.readSigningKey()
        eventLog = try LMDBEventLog(
            directory: data.log, wallClock: WallClock.nowMs, randomBytes: Randomness.bytes,
            signer: { message in (try? key.signature(of: message)) ?? [] })
        let records = try eventLog.read(from: LogPosition(rawValue: 1), limit: 8)
        guard records.allSatisfy(\.kind.isSystem) else {
            eventLog.close()
            throw Failure(description: "the log in \(data.log) has records already; import into a new data directory")
        }
    }

    /// One line of an export. The log's own records (checkpoints, epochs, erasures) are made anew and passed over.
    package func append(line: [UInt8]) async throws {
        let json = try JSONValue.parse(line, limits: .storedPayload)
        guard let number = json["kind_number"]?.integerValue.flatMap({ UInt16(exactly: $0) }),
            let version = json["version"]?.integerValue.flatMap({ UInt8(exactly: $0) }),
            let stream = json["stream"]?.stringValue
        else { throw Failure(description: "the line is not a record of an export") }
        let kind = RecordKind(rawValue: number)
        if kind.isSystem { return }
        let payload = try payload(of: json, kind: kind)
        let record = NewRecord(
            kind: kind, version: version, stream: StreamID(kind: Self.streamKind(stream), name: stream),
            actor: json["actor"]?.stringValue ?? "", cause: json["cause"]?.stringValue ?? "", payload: payload)
        _ = try await eventLog.append(LogBatch(records: [record], expected: []))
    }

    private static func streamKind(_ name: String) -> StreamKind {
        switch name.utf8.first {
        case UInt8(ascii: "!"): .room
        case UInt8(ascii: "@"): .user
        case nil: .none
        default: .server
        }
    }

    private func payload(of json: JSONValue, kind: RecordKind) throws -> [UInt8] {
        guard kind == .pduRecorded else {
            guard let payload = json["payload"]?.objectValue else { throw Failure(description: "payload is missing") }
            for (name, value) in payload where name.hasSuffix("_hash") && value == "(hidden)" {
                throw Failure(description: "\(name) is hidden: export with --secrets to import")
            }
            return payload.canonicalBytes()
        }
        guard let pdu = json["pdu"]?.objectValue, let roomVersion = json["room_version"]?.stringValue,
            let room = json["room_id"]?.stringValue, let event = json["event_id"]?.stringValue
        else { throw Failure(description: "the PDU or its ids are missing") }
        let verdicts: [String: PDURecorded.Verdict] = [
            "accepted": .accepted, "softFailed": .softFailed, "rejected": .rejected,
        ]
        guard let verdict = verdicts[json["verdict"]?.stringValue ?? ""] else {
            throw Failure(description: "the verdict is missing")
        }
        let sentBy = json["sent_by"].flatMap { sent -> PDURecorded.ClientTransaction? in
            guard let device = sent["device_id"]?.stringValue, let id = sent["transaction_id"]?.stringValue else {
                return nil
            }
            return PDURecorded.ClientTransaction(deviceID: device, transactionID: id)
        }
        return PDURecorded(
            verdict: verdict, roomVersion: roomVersion, roomID: room, eventID: event,
            rule: json["rule"]?.stringValue ?? "", reason: json["reason"]?.stringValue ?? "",
            setsOwnEntry: json["sets_own_entry"]?.boolValue ?? false,
            isOutlier: json["outlier"]?.boolValue ?? false, adopts: json["adopts"]?.boolValue ?? false,
            isBackfilled: json["backfilled"]?.boolValue ?? false, sentBy: sentBy,
            redacts: json["effective_redacts"]?.stringValue,
            stateDelta: try RecordedState.changes(json["state_delta"]),
            stateBefore: try RecordedState.stateBefore(json["state_before"]), pdu: pdu.canonicalBytes()
        ).payload()
    }

    package func finish() async throws { eventLog.close() }
}
