import Decisions
import EventSigning
import MatrixEvents
import RoomVersions

/// "3. Passes hash checks, otherwise it is redacted before being processed further."
enum HashCheck {
    /// The event to go on with; nil when it is the same.
    static func redactedIfWrong(_ event: HeldPDU, version: RoomVersion) throws(DroppedPDU) -> HeldPDU? {
        if ContentHash.matches(event.pdu.object) { return nil }
        do {
            let pdu = try PDU(object: Redaction.redacted(event.pdu.object, version: version), version: version)
            return HeldPDU(pdu: pdu, eventID: event.eventID)
        } catch {
            throw DroppedPDU(check: .format, reason: "it cannot be redacted: \(error)")
        }
    }
}
