package import CanonicalJSON
package import CommandHandling
import Decisions
import InboundPDU
import MatrixEvents
package import MatrixIdentifiers
package import Queries
import RoomVersions

/// Invitations by third-party identifier that were sent here, exchanged for invitations of the user who owns it.
package struct ThirdPartyInvites: Sendable {
    private let environment: CommandEnvironment
    private let rooms: RoomCommands
    private let admission: ServerAdmission
    private let sending: SentInvitations
    private let queries: RoomQueries

    package init(
        environment: CommandEnvironment, rooms: RoomCommands, admission: ServerAdmission, sending: SentInvitations
    ) {
        self.environment = environment
        self.rooms = rooms
        self.admission = admission
        self.sending = sending
        queries = RoomQueries(views: environment.views)
    }

    /// "The receiving server will verify the partial `m.room.member` event given in the request body. If valid, the receiving
    /// server will issue an invite […] before returning a response to this request."
    ///
    /// - Throws: `Rejection`, `QueryRefusal`, `AppendFault`.
    package func exchange(
        _ event: JSONObject, in room: RoomID, from origin: ServerName, requestID: String
    ) async throws {
        let version = try admission.requirePresent(origin, room: room, own: environment.serverName)
        // "The event type. Must be `m.room.member`", "Must match the ID given in the path."
        guard event["type"]?.stringValue == "m.room.member",
            event["room_id"]?.stringValue?.utf8.elementsEqual(room.rawValue.utf8) == true
        else { throw Rejection.invalidParam("The event is no m.room.member event of this room.") }
        guard let sender = event["sender"]?.stringValue.flatMap({ UserID($0) }), sender.isOn(environment.serverName)
        else { throw Rejection.invalidParam("The sender must be a user of \(environment.serverName).") }
        guard let user = event["state_key"]?.stringValue.flatMap({ UserID($0) }), user.isOn(origin) else {
            throw Rejection.invalidParam("The state_key must be a user of \(origin).")
        }
        guard let content = event["content"]?.objectValue, Membership(content: content) == .invite,
            let invite = content["third_party_invite"]?.objectValue, let signed = invite["signed"]?.objectValue,
            let token = signed["token"]?.stringValue
        else { throw Rejection.invalidParam("The content is no third-party invite.") }
        let original = try queries.currentState(room, type: "m.room.third_party_invite", stateKey: token)
        let name = try original?.content()["display_name"] ?? invite["display_name"]
        var exchanged: JSONObject = ["signed": .object(signed)]
        if let name, name.stringValue != nil { exchanged["display_name"] = name }
        try await sending.invite(
            user, by: sender, to: room, version: version,
            content: ["membership": "invite", "third_party_invite": .object(exchanged)], requestID: requestID)
    }
}
