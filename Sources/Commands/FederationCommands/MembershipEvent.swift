package import CanonicalJSON
import CommandHandling
package import Decisions
import EventSigning
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// Membership events that other servers hand over one by one: what must hold before their signatures are looked at.
///
/// "servers SHOULD return `M_INVALID_PARAM`" for all of it.
package enum MembershipEvent {
    /// Reads an event by the format of the room version.
    package static func read(_ object: JSONObject, version: RoomVersion, room: RoomID) throws(Rejection) -> HeldPDU {
        let event: HeldPDU
        do {
            let pdu = try PDU(object: object, version: version)
            event = HeldPDU(pdu: pdu, eventID: try ReferenceHash.eventID(of: pdu.object, version: version))
        } catch {
            throw Rejection.invalidParam("The event is not valid: \(error).")
        }
        guard event.pdu.roomID == room else { throw Rejection.invalidParam("The event is of another room.") }
        // An event whose content was changed on the way would be recorded without it.
        guard ContentHash.matches(event.pdu.object) else {
            throw Rejection.invalidParam("The event's content hash is wrong.")
        }
        return event
    }

    /// Checks that an event is what was templated: a user's own change to that membership.
    package static func check(
        _ pdu: PDU, is membership: Membership, from origin: ServerName
    ) throws(Rejection) {
        try requireMembership(membership, of: pdu)
        // "The event sender is not a user ID on the origin server."
        guard pdu.sender.serverName == origin else {
            throw Rejection.invalidParam("The sender is not a user of \(origin).")
        }
        // "The `state_key` is not equal to the `sender`."
        guard pdu.stateKey?.utf8.elementsEqual(pdu.sender.rawValue.utf8) == true else {
            throw Rejection.invalidParam("The state_key is not the sender.")
        }
    }

    static func requireMembership(_ membership: Membership, of pdu: PDU) throws(Rejection) {
        // "The event type is not `m.room.member`."
        guard pdu.type.utf8.elementsEqual("m.room.member".utf8) else {
            throw Rejection.invalidParam("The event is not an m.room.member event.")
        }
        guard Membership(content: pdu.content) == membership else {
            throw Rejection.invalidParam("The membership is not \(membership.rawValue).")
        }
    }

    /// The event with this server's signature beside the others.
    static func signed(
        _ event: HeldPDU, version: RoomVersion, by environment: CommandEnvironment
    ) throws(Rejection) -> HeldPDU {
        do {
            let object = try EventSigner.addSignature(
                to: event.pdu.object, version: version, server: environment.serverName, key: environment.signingKey)
            return HeldPDU(pdu: try PDU(object: object, version: version), eventID: event.eventID)
        } catch {
            throw Rejection.invalidParam("The event cannot be signed: \(error).")
        }
    }
}
