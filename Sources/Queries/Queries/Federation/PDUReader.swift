import CanonicalJSON
package import EventLog
import LogEvents
import MatrixEvents
import ReadModel
import RoomVersions

/// Reads PDUs from the log, to be sent as they were signed.
package struct PDUReader: Sendable {
    private let log: any EventLog

    package init(log: any EventLog) {
        self.log = log
    }

    /// An event to be sent.
    struct Place {
        let position: LogPosition
        let view: ServerSight.View

        /// - Parameter view: what the asker may see; of an event that was redacted nobody is sent more than is left.
        init(_ row: EventRow, at position: LogPosition, view: ServerSight.View = .whole) {
            self.position = position
            self.view = row.flags.contains(.redacted) ? .redacted : view
        }
    }

    /// What was recorded; nil when the log has no PDU there any more.
    func fact(at position: LogPosition) throws -> PDURecorded? {
        guard let record = try log.record(at: position), record.kind == .pduRecorded, !record.payload.isEmpty else {
            return nil
        }
        return try PDURecorded(payload: record.payload)
    }

    /// Canonical JSON, as signed or as a redaction leaves it, which has the same ID and the same signatures.
    func bytes(at place: Place) throws -> [UInt8]? {
        guard let fact = try fact(at: place.position) else { return nil }
        if place.view == .whole { return fact.pdu }
        guard let version = RoomVersion.named(fact.roomVersion),
            let object = try JSONObject.parse(fact.pdu, limits: .historicalPDU)
        else { return nil }
        return Redaction.redacted(object, version: version).canonicalBytes()
    }

    /// The PDU of an event with what it refers to.
    func pdu(at position: LogPosition) throws -> PDU? {
        guard let fact = try fact(at: position), let version = RoomVersion.named(fact.roomVersion) else { return nil }
        return try PDU(parsing: fact.pdu, version: version)
    }

    /// Appends the events of a JSON array, without its brackets.
    func append(_ places: some Sequence<Place>, to chunks: inout AnswerChunks) throws {
        var isFirst = true
        for place in places {
            guard let bytes = try bytes(at: place) else { continue }
            if !isFirst { chunks.append(",") }
            chunks.append(bytes)
            isFirst = false
        }
    }
}
