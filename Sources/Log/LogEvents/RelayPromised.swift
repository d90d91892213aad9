import CanonicalJSON
package import EventLog

/// An event of another server's user came to this server first (`send_join`, `send_leave`, `send_knock`): this server tells
/// the others of the room.
package struct RelayPromised: LogEvent, Hashable {
    package static let kind = RecordKind.relayPromised

    package var eventID: String
    /// Who brought it, and need not be told.
    package var origin: String

    package init(eventID: String, origin: String) {
        self.eventID = eventID
        self.origin = origin
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "RelayPromised")
        eventID = try json.string("event_id")
        origin = try json.string("origin")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "RelayPromised")
        json.set("event_id", eventID)
        json.set("origin", origin)
        return json.object.canonicalBytes()
    }
}
