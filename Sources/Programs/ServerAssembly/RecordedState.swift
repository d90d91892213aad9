package import CanonicalJSON
package import LogEvents

/// What a recorded PDU says about the state of its room, as `log export` prints it and `log import` reads it.
package enum RecordedState {
    package static func append(_ fact: PDURecorded, to object: inout JSONObject) {
        if fact.isOutlier { object["outlier"] = true }
        if fact.adopts { object["adopts"] = true }
        if fact.isBackfilled { object["backfilled"] = true }
        if !fact.stateDelta.isEmpty { object["state_delta"] = json(fact.stateDelta) }
        if let before = fact.stateBefore {
            object["state_before"] = [
                "origin": .string("\(before.origin)"), "event_id": .string(before.eventID), "delta": json(before.delta),
            ]
        }
    }

    private static func json(_ changes: [PDURecorded.StateChange]) -> JSONValue {
        .array(
            changes.map { change in
                [
                    "type": .string(change.type), "state_key": .string(change.stateKey),
                    "event_id": change.eventID.map(JSONValue.string) ?? .null,
                ]
            })
    }

    package static func changes(_ json: JSONValue?) throws -> [PDURecorded.StateChange] {
        guard let json else { return [] }
        guard let entries = json.arrayValue else { throw damaged }
        return try entries.map { entry in
            guard let type = entry["type"]?.stringValue, let stateKey = entry["state_key"]?.stringValue else {
                throw damaged
            }
            return PDURecorded.StateChange(type: type, stateKey: stateKey, eventID: entry["event_id"]?.stringValue)
        }
    }

    package static func stateBefore(_ json: JSONValue?) throws -> PDURecorded.StateBefore? {
        guard let json else { return nil }
        let origins: [String: PDURecorded.StateBefore.Origin] = [
            "empty": .empty, "after": .after, "before": .before, "itself": .itself,
        ]
        guard let origin = origins[json["origin"]?.stringValue ?? ""], let eventID = json["event_id"]?.stringValue
        else { throw damaged }
        return PDURecorded.StateBefore(origin: origin, eventID: eventID, delta: try changes(json["delta"]))
    }

    private static let damaged = LogImport.Failure(description: "what the record says about the state is damaged")
}
