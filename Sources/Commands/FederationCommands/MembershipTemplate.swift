import CanonicalJSON
import CommandHandling
import Decisions
import EventSigning
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

/// Completes a member event that another server drafted: takes its place in the room from the template and everything else from
/// what the user wants.
struct MembershipTemplate {
    let template: RemoteRooms.Template
    let room: RoomID
    let user: UserID
    let environment: CommandEnvironment

    /// What the draft says of the event's place; nothing else of it is believed.
    private static let placeMembers = ["auth_events", "depth", "prev_events"]

    /// - Parameter content: with the membership, which must be that of the template.
    /// - Throws: ``RemoteFault`` for a template of something else.
    func completed(_ content: JSONObject) throws -> HeldPDU {
        let draft = template.event
        let version = template.version
        guard draft["type"]?.stringValue == "m.room.member", draft["state_key"]?.stringValue == user.rawValue,
            draft["sender"]?.stringValue == user.rawValue, draft["room_id"]?.stringValue == room.rawValue,
            draft["content"]?["membership"] == content["membership"]
        else { throw RemoteFault.malformed("the template is of another event than was asked for") }
        var event: JSONObject = [
            "content": .object(content), "origin_server_ts": .integer(environment.nowMs()),
            "room_id": .string(room.rawValue), "sender": .string(user.rawValue), "state_key": .string(user.rawValue),
            "type": "m.room.member",
        ]
        for name in Self.placeMembers { event[name] = draft[name] }
        if version.eventIDFormat == .opaque {
            let opaque = UnpaddedBase64.encodeURLSafe(environment.randomBytes(18))
            event["event_id"] = .string("$\(opaque):\(environment.serverName)")
        }
        do {
            let signed = try EventSigner.sign(
                draft: event, version: version, server: environment.serverName, key: environment.signingKey)
            let pdu = try PDU(object: signed.object, bytes: signed.bytes, version: version)
            return HeldPDU(pdu: pdu, eventID: signed.eventID)
        } catch {
            throw RemoteFault.malformed("the template makes no event: \(error)")
        }
    }
}
