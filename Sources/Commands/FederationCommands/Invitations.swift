package import CanonicalJSON
package import CommandHandling
import Decisions
import EventSigning
import InboundPDU
import MatrixEvents
package import MatrixIdentifiers
package import Queries
import ReadModel
import RoomVersions

/// Invitations of users of this server by users of others.
package struct Invitations: Sendable {
    private let environment: CommandEnvironment
    private let signatures: any EventSignatures
    private let admission: ServerAdmission
    private let accounts: AccountQueries
    /// Where the invitations go; without it this server "does not permit anyone to invite its users".
    private let intake: (any InvitationIntake)?
    /// How many entries of `invite_room_state` are read.
    private static let mostState = 50

    package init(
        environment: CommandEnvironment, signatures: any EventSignatures, admission: ServerAdmission,
        intake: (any InvitationIntake)?
    ) {
        self.environment = environment
        self.signatures = signatures
        self.admission = admission
        self.intake = intake
        accounts = AccountQueries(views: environment.views)
    }

    /// An invitation as another server sends it.
    package struct Request: Sendable {
        package var room: RoomID
        package var event: JSONObject
        package var version: String
        package var roomState: [JSONValue]
        package var origin: ServerName
        package var requestID: String

        package init(
            room: RoomID, event: JSONObject, version: String, roomState: [JSONValue], origin: ServerName,
            requestID: String
        ) {
            self.room = room
            self.event = event
            self.version = version
            self.roomState = roomState
            self.origin = origin
            self.requestID = requestID
        }
    }

    /// Signs an invitation and hands it to the user.
    ///
    /// - Returns: "The event with the invited server's signature added."
    /// - Throws: `Rejection`, `QueryRefusal`, `AppendFault`.
    package func accept(_ request: Request) async throws -> JSONObject {
        guard let version = RoomVersion.named(request.version) else {
            throw MembershipHandshakes.incompatible(request.version)
        }
        try admission.requirePermitted(request.origin, room: request.room)
        let event = try MembershipEvent.read(request.event, version: version, room: request.room)
        try MembershipEvent.requireMembership(.invite, of: event.pdu)
        // "The event sender is not a user ID on the origin server."
        guard event.pdu.sender.serverName == request.origin else {
            throw Rejection.invalidParam("The sender is not a user of \(request.origin).")
        }
        // "The `state_key` is not a user ID on the receiving server."
        guard let user = event.pdu.stateKey.flatMap({ UserID($0) }), user.isOn(environment.serverName) else {
            throw Rejection.invalidParam("The state_key is not a user of \(environment.serverName).")
        }
        // "The invite event fails a signature check."
        guard try await signatures.outcome(of: event, version: version).isValid else {
            throw Rejection.invalidParam("A signature is missing or not valid.")
        }
        let roomState = try await roomState(of: request, version)
        try requireInvitable(user)
        let signed = try MembershipEvent.signed(event, version: version, by: environment)
        // "if the remote homeserver is already in the room, it will receive the invite event twice; once through this
        // endpoint, and again through a federation transaction": then it is recorded at its place in the room.
        if try !admission.census.isJoined(environment.serverName, to: request.room) {
            guard let intake else { throw Rejection.forbidden("Users of this server cannot be invited by others.") }
            try await intake.take(
                ReceivedInvitation(
                    room: request.room, version: version, user: user, event: signed, roomState: roomState,
                    origin: request.origin, requestID: request.requestID))
        }
        return signed.pdu.object
    }

    private func requireInvitable(_ user: UserID) throws {
        guard let account = try accounts.account(user), !account.isDeactivated else {
            throw Rejection.notFound("There is no such user here.")
        }
        // "the `M_INVITE_BLOCKED` error code is used to indicate that the homeserver rejected the invite due to invite
        // blocking."
        if try accounts.blocksInvites(user) {
            throw Rejection(403, "M_INVITE_BLOCKED", "\(user) does not want to be invited.")
        }
    }

    // MARK: invite_room_state

    /// The state that describes the room, stripped.
    ///
    /// "additional validation, which servers MAY apply to room versions 1 through 11 and SHOULD apply to all other room
    /// versions": where the create event makes the room's ID it cannot be forged, and is demanded.
    private func roomState(of request: Request, _ version: RoomVersion) async throws -> [JSONObject] {
        guard request.roomState.count <= Self.mostState else {
            throw Rejection.tooLarge("invite_room_state has too many entries.")
        }
        let entries = request.roomState.compactMap(\.objectValue)
        if version.roomIDIsCreateHash {
            guard entries.count == request.roomState.count else {
                throw Rejection.invalidParam("invite_room_state has entries that are no events.")
            }
            var hasCreate = false
            for entry in entries {
                let event = try await stateEvent(entry, in: request.room, version)
                hasCreate = hasCreate || event.pdu.type.utf8.elementsEqual("m.room.create".utf8)
            }
            // "The `m.room.create` event is missing from `invite_room_state`."
            guard hasCreate else { throw Rejection.invalidParam("invite_room_state has no m.room.create event.") }
        }
        return RemoteUnsigned.strippedState(.array(request.roomState)).compactMap(\.objectValue)
    }

    private func stateEvent(
        _ object: JSONObject, in room: RoomID, _ version: RoomVersion
    ) async throws -> HeldPDU {
        let event: HeldPDU
        do {
            // "One or more entries in `invite_room_state` are not formatted according to the room's version."
            let pdu = try PDU(object: object, version: version)
            event = HeldPDU(pdu: pdu, eventID: try ReferenceHash.eventID(of: pdu.object, version: version))
        } catch {
            throw Rejection.invalidParam("An entry of invite_room_state is not valid: \(error).")
        }
        // "One or more events does not reside in the same room as the invite. Note: Some room versions may require
        // calculating the room ID for an event".
        guard event.pdu.effectiveRoomID(eventID: event.eventID) == room, event.pdu.isState else {
            throw Rejection.invalidParam("An entry of invite_room_state is not of the room's state.")
        }
        // "One or more events fails a signature check."
        guard try await signatures.outcome(of: event, version: version).isValid else {
            throw Rejection.invalidParam("A signature of invite_room_state is missing or not valid.")
        }
        return event
    }
}
