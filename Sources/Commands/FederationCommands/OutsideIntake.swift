package import CanonicalJSON
package import CommandHandling
import Decisions
import EventSigning
import InboundPDU
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions

/// Takes what other servers say of users' memberships of rooms that nobody here is in.
package struct OutsideIntake: InvitationIntake {
    private let environment: CommandEnvironment
    private let rooms: RoomCommands
    private let preparation: PDUPreparation
    private let outside: OutsideQueries

    package init(environment: CommandEnvironment, rooms: RoomCommands, signatures: any EventSignatures) {
        self.environment = environment
        self.rooms = rooms
        preparation = PDUPreparation(signatures: signatures)
        outside = OutsideQueries(views: environment.views)
    }

    package func take(_ invitation: ReceivedInvitation) async throws {
        let fact = OutsideMembershipSet(
            userID: invitation.user.rawValue, roomID: invitation.room.rawValue, roomVersion: invitation.version.id,
            eventID: invitation.event.eventID.rawValue, event: invitation.event.pdu.object,
            roomState: invitation.roomState, origin: invitation.origin.rawValue)
        try await rooms.setOutsideMembership(
            fact, actor: invitation.event.pdu.sender.rawValue, cause: invitation.requestID)
    }

    /// Events of a room that nobody here is in: the end of an invitation or a knock is the user's business, everything else is
    /// not ours to have.
    ///
    /// - Returns: for each event that has an ID, why it was not taken.
    package func take(
        _ events: [JSONObject], of room: RoomID, from origin: ServerName, requestID: String
    ) async throws -> [(EventID, String?)] {
        var results: [(EventID, String?)] = []
        for event in events {
            guard let target = event["state_key"]?.stringValue.flatMap({ UserID($0) }),
                target.serverName == environment.serverName,
                let (membership, row) = try outside.membership(of: target, in: room),
                let version = RoomVersion.named(row.roomVersion)
            else { continue }
            do {
                let received = try await preparation.prepare(event, room: room, version: version)
                let error = try await end(
                    received.held, of: target, in: room, was: membership, row, version, from: origin, requestID)
                results.append((received.eventID, error))
            } catch let dropped as DroppedPDU {
                if let eventID = InboundTransactions.eventID(of: event, version) {
                    results.append((eventID, "The event is not valid: \(dropped.reason)."))
                }
            }
        }
        return results
    }

    private func end(
        _ event: HeldPDU, of user: UserID, in room: RoomID, was: StoredMembership, _ row: OutsideRow,
        _ version: RoomVersion, from origin: ServerName, _ requestID: String
    ) async throws -> String? {
        let membership = Membership(content: event.pdu.content)
        guard event.pdu.type == "m.room.member", membership == .leave || membership == .ban,
            was == .invite || was == .knock
        else { return "This server is not in the room." }
        // Without the room's state nobody can say who may put whom out: the server of the one who does must have sent it.
        guard event.pdu.sender.serverName == origin else { return "The sender is not a user of \(origin)." }
        let fact = OutsideMembershipSet(
            userID: user.rawValue, roomID: room.rawValue, roomVersion: version.id, eventID: event.eventID.rawValue,
            event: event.pdu.object, roomState: [], origin: origin.rawValue)
        try await rooms.setOutsideMembership(fact, actor: event.pdu.sender.rawValue, cause: "\(origin) \(requestID)")
        return nil
    }
}
