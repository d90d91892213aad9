import CanonicalJSON
import Decisions
import EventSigning
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

/// "1. Is a valid event, otherwise it is dropped. For an event to be valid, it must comply with the event format of that room
/// version."
enum FormatCheck {
    static func check(_ object: JSONObject, version: RoomVersion, room: RoomID) throws(DroppedPDU) -> HeldPDU {
        let pdu: PDU
        let eventID: EventID
        do {
            pdu = try PDU(object: object, version: version)
        } catch {
            throw DroppedPDU(check: .format, reason: "\(error)")
        }
        do {
            eventID = try ReferenceHash.eventID(of: pdu.object, version: version)
        } catch {
            throw DroppedPDU(check: .format, reason: "it has no event id: \(error)")
        }
        guard pdu.effectiveRoomID(eventID: eventID) == room else {
            throw DroppedPDU(check: .format, reason: "it is of another room")
        }
        return HeldPDU(pdu: pdu, eventID: eventID)
    }
}
