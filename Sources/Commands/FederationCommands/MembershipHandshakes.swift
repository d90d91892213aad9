package import CanonicalJSON
package import CommandHandling
package import Decisions
import EventSigning
import InboundPDU
import LogEvents
package import MatrixEvents
package import MatrixIdentifiers
package import Queries
import ReadModel
package import RoomVersions

/// The resident server's part in the handshakes by which users of other servers join rooms, knock on them and leave them.
package struct MembershipHandshakes: Sendable {
    private let environment: CommandEnvironment
    private let rooms: RoomCommands
    private let signatures: any EventSignatures
    private let admission: ServerAdmission
    private let queries: RoomQueries

    package init(
        environment: CommandEnvironment, rooms: RoomCommands, signatures: any EventSignatures,
        admission: ServerAdmission
    ) {
        self.environment = environment
        self.rooms = rooms
        self.signatures = signatures
        self.admission = admission
        queries = RoomQueries(views: environment.views)
    }

    /// Which change of membership a handshake is about, and who asks for it.
    package struct Request: Sendable {
        package let membership: Membership
        package let room: RoomID
        package let origin: ServerName
        package let requestID: String

        package init(_ membership: Membership, in room: RoomID, from origin: ServerName, requestID: String) {
            self.membership = membership
            self.room = room
            self.origin = origin
            self.requestID = requestID
        }
    }

    // MARK: make_join, make_knock, make_leave

    /// "Asks the receiving server to return information that the sending server will need to prepare" an event.
    ///
    /// - Parameter supported: "The room versions the sending server has support for"; nil where it need not say.
    /// - Throws: `Rejection`, `QueryRefusal`.
    package func template(
        _ request: Request, of user: UserID, supported: [String]?
    ) async throws -> (event: JSONObject, version: RoomVersion) {
        let version = try admission.requirePresent(
            request.origin, room: request.room, own: environment.serverName)
        // "This MUST be a user ID on the origin server."
        guard user.serverName == request.origin else {
            throw Rejection.forbidden("\(user) is not a user of \(request.origin).")
        }
        // "the room the server is attempting to join has a version that is not listed in the `ver` parameters"
        if let supported, !supported.contains(where: { $0.utf8.elementsEqual(version.id.utf8) }) {
            throw Self.incompatible(version.id)
        }
        let content: JSONObject = ["membership": .string(request.membership.rawValue)]
        var event = try await rooms.membershipTemplate(
            content, of: user, in: request.room, requestID: "\(request.origin) \(request.requestID)"
        ) { try entry(of: user, to: request.room, version) }
        // "The name of the resident homeserver."
        event["origin"] = .string(environment.serverName.rawValue)
        return (event, version)
    }

    /// "The version of the room. Required if the `errcode` is `M_INCOMPATIBLE_ROOM_VERSION`."
    package static func incompatible(_ version: String) -> Rejection {
        Rejection(
            400, "M_INCOMPATIBLE_ROOM_VERSION",
            "Your homeserver does not support the features required to join this room",
            extra: ["room_version": .string(version)])
    }

    /// Whether the conditions of a restricted room let a user in.
    private func entry(of user: UserID, to room: RoomID, _ version: RoomVersion) throws -> RestrictedEntry {
        // "If no conditions are available, or none match the required schema, then the joining server is considered to have
        // failed all conditions."
        guard let rules = try queries.currentState(room, type: "m.room.join_rules", stateKey: ""),
            let allowed = AllowedRooms(content: try rules.content(), version: version)
        else { return .failed }
        var knowsAll = true
        for other in allowed.rooms {
            // Of a room that nobody here is in, only the past is known.
            guard try admission.census.isJoined(environment.serverName, to: other) else {
                knowsAll = false
                continue
            }
            // "m.room_membership: the user must be joined to the room that room_id names."
            if try queries.membership(other, user)?.membership == .join {
                return .met(vouchers: try admission.census.joinedUsers(of: environment.serverName, in: room))
            }
        }
        return knowsAll ? .failed : .unknown
    }

    // MARK: send_join, send_knock, send_leave

    /// Takes the event that the other server made of a template, and records it.
    ///
    /// - Returns: when the event is durable and readable, its ID.
    /// - Throws: `Rejection`, `QueryRefusal`, `AppendFault`.
    package func accept(_ object: JSONObject, _ request: Request) async throws -> EventID {
        let version = try admission.requirePresent(
            request.origin, room: request.room, own: environment.serverName)
        var event = try MembershipEvent.read(object, version: version, room: request.room)
        try MembershipEvent.check(event.pdu, is: request.membership, from: request.origin)
        if request.membership == .join {
            try requireEntry(event.pdu, to: request.room, version)
            // "The resident homeserver then adds its signature to this event and accepts it into the room's event graph."
            event = try MembershipEvent.signed(event, version: version, by: environment)
        }
        let outcome = try await signatures.outcome(of: event, version: version)
        // "The join event fails a signature check."
        guard outcome.isValid else { throw Rejection.invalidParam("A signature is missing or not valid.") }
        let result: ReceiptResult
        do {
            result = try await rooms.receive(
                event.pdu.object, room: request.room, version: version, from: request.origin,
                requestID: request.requestID, isPassedOn: true, pipeline: ReceiptPipeline { _, _ in outcome })
        } catch let dropped as DroppedPDU {
            throw Rejection.invalidParam("The event is not valid: \(dropped.reason).")
        }
        switch result {
        case .recorded(.accepted, _): return event.eventID
        case .recorded(.softFailed, _), .recorded(.rejected, _):
            throw Rejection.forbidden("The rules of the room forbid the event.")
        case .missing:
            throw Rejection.invalidParam("The event follows events that are not known here; ask for another template.")
        }
    }

    /// Checks what this server would vouch for with its signature.
    private func requireEntry(_ pdu: PDU, to room: RoomID, _ version: RoomVersion) throws {
        guard RequiredSignatures.authoriser(of: pdu, version: version) == environment.serverName else { return }
        switch try queries.membership(room, pdu.sender)?.membership {
        case .join, .invite: return
        default: break
        }
        switch try entry(of: pdu.sender, to: room, version) {
        case .met: return
        case .failed: throw RestrictedEntry.refusal
        case .unknown: throw RestrictedEntry.uncertainty
        }
    }
}
