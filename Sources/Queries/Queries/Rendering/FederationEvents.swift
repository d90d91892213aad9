import CanonicalJSON
package import EventLog
import KeyValueStore
import LogEvents
import MatrixEvents
import ReadModel
import RoomVersions

/// Reads events as servers exchange them, for filters whose `event_format` is `federation`: "`federation` will return the
/// raw event as received over federation."
package struct FederationEvents: Sendable {
    private let log: any EventLog

    package init(log: any EventLog) {
        self.log = log
    }

    /// The PDU at a position without its closing brace, or nil when the log has erased it.
    ///
    /// `event_id` and `room_id` are added where the version leaves them out: a client could not name the event otherwise.
    func open(_ event: EventRow, at position: LogPosition) throws -> [UInt8]? {
        guard let record = try log.record(at: position), record.kind == .pduRecorded, !record.isErased else {
            return nil
        }
        let fact = try PDURecorded(payload: record.payload)
        guard let version = RoomVersion.named(fact.roomVersion),
            var object = try JSONObject.parse(fact.pdu, limits: .historicalPDU)
        else { return nil }
        // The log keeps what was sent; nobody is shown what a redaction took away.
        if event.flags.contains(.redacted) { object = Redaction.redacted(object, version: version) }
        object["event_id"] = .string(fact.eventID)
        object["room_id"] = .string(fact.roomID)
        object.removeValue(forKey: "unsigned")
        return object.canonicalBytes().dropLast()
    }
}
