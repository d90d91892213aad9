import CanonicalJSON
import EventLog
import LogEvents
import ServerAssembly

/// How records are shown to people and to programs.
enum RecordText {
    static func kindName(_ kind: RecordKind) -> String {
        recordKindNames[kind] ?? RecordKind.systemNames[kind] ?? "kind \(kind.rawValue)"
    }

    /// One line: position, time, kind, stream, actor, and what it says in short.
    static func line(_ record: EventRecord) -> String {
        let time = WallClock.text(record.wallTimeMs)
        let head = "\(record.position)  \(time)  \(kindName(record.kind))  \(stream(record.stream))"
        return head + (record.actor.isEmpty ? "" : "  by \(record.actor)") + "  " + summary(record)
    }

    static func stream(_ stream: StreamID) -> String { stream.name.isEmpty ? "-" : stream.name }

    private static func summary(_ record: EventRecord) -> String {
        if record.isErased { return "(erased)" }
        guard record.kind == .pduRecorded else {
            let text = String(decoding: record.payload.prefix(160), as: UTF8.self)
            return record.payload.first == UInt8(ascii: "{") ? redactingSecrets(text) : "\(record.payload.count) bytes"
        }
        do {
            let fact = try PDURecorded(payload: record.payload)
            let pdu = try JSONValue.parse(fact.pdu, limits: .storedPayload)
            let type = pdu["type"]?.stringValue ?? "?"
            let key = pdu["state_key"]?.stringValue.map { " [\($0)]" } ?? ""
            let verdict = fact.verdict == .accepted ? "" : " \(fact.verdict) by rule \(fact.rule): \(fact.reason)"
            return "\(type)\(key) \(fact.eventID)\(verdict)"
        } catch {
            return "(unreadable: \(error))"
        }
    }

    /// Password and token hashes are of no use on a screen.
    private static func redactingSecrets(_ text: String) -> String {
        text.contains("_hash\"") ? "(has hashes; see log show --secrets)" : text
    }

    /// Everything the record says. Payloads of PDUs are shown as their JSON.
    static func json(_ record: EventRecord, withSecrets: Bool = false) -> JSONValue {
        var object: JSONObject = [
            "position": .integer(Int64(clamping: record.position.rawValue)),
            "time_ms": .integer(record.wallTimeMs),
            "time": .string(WallClock.text(record.wallTimeMs)),
            "kind": .string(kindName(record.kind)),
            "kind_number": .integer(Int64(record.kind.rawValue)),
            "version": .integer(Int64(record.version)),
            "stream": .string(record.stream.name),
            "stream_version": .integer(Int64(clamping: record.streamVersion)),
            "actor": .string(record.actor),
            "cause": .string(record.cause),
            "payload_digest": .string(Hexadecimal.text(record.payloadDigest)),
            "chain_hash": .string(Hexadecimal.text(record.chainHash)),
        ]
        if record.isErased { object["erased"] = true }
        if record.kind == .pduRecorded, let fact = try? PDURecorded(payload: record.payload) {
            object["verdict"] = .string("\(fact.verdict)")
            object["room_version"] = .string(fact.roomVersion)
            object["event_id"] = .string(fact.eventID)
            object["room_id"] = .string(fact.roomID)
            if fact.setsOwnEntry { object["sets_own_entry"] = true }
            RecordedState.append(fact, to: &object)
            if let redacts = fact.redacts { object["effective_redacts"] = .string(redacts) }
            if !fact.rule.isEmpty { object["rule"] = .string(fact.rule) }
            if !fact.reason.isEmpty { object["reason"] = .string(fact.reason) }
            if let sent = fact.sentBy {
                object["sent_by"] = [
                    "device_id": .string(sent.deviceID), "transaction_id": .string(sent.transactionID),
                ]
            }
            object["pdu"] = (try? JSONValue.parse(fact.pdu, limits: .storedPayload)) ?? .null
        } else if !record.payload.isEmpty,
            case .object(var payload)? = try? JSONValue.parse(record.payload, limits: .storedPayload)
        {
            if !withSecrets {
                for (name, _) in payload where name.hasSuffix("_hash") { payload[name] = "(hidden)" }
            }
            object["payload"] = .object(payload)
        }
        return .object(object)
    }
}
