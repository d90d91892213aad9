package import CanonicalJSON
package import CommandHandling
import Decisions
import EventSigning
import InboundPDU
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
package import Queries
package import RoomVersions

/// Invitations of users of other servers to rooms that this server is in.
package struct SentInvitations: Sendable {
    private let environment: CommandEnvironment
    private let rooms: RoomCommands
    private let remotes: any RemoteServers
    private let state: FederationStateQueries
    private static let timeoutMs: Int64 = 60_000

    package init(
        environment: CommandEnvironment, rooms: RoomCommands, remotes: any RemoteServers, admission: ServerAdmission
    ) {
        self.environment = environment
        self.rooms = rooms
        self.remotes = remotes
        state = FederationStateQueries(views: environment.views, log: environment.log, admission: admission)
    }

    /// Invites a user of another server: "a request to that homeserver to have the event signed and verified must be made."
    ///
    /// - Returns: when the invitation is durable and readable here, with the other server's signature.
    /// - Throws: `Rejection` when the room's rules forbid it, or with what the other server answered; `RemoteFault`.
    package func invite(
        _ user: UserID, by sender: UserID, to room: RoomID, version: RoomVersion, content: JSONObject,
        requestID: String
    ) async throws {
        let event = try await rooms.invitation(content, to: user, by: sender, in: room, requestID: requestID)
        let roomState = try state.identifyingState(of: room).map { try JSONValue.parse($0, limits: .historicalPDU) }
        let answer = try await remotes.send(
            RemoteRequest(
                .put,
                RequestTarget("/_matrix/federation/v2/invite", room.rawValue, event.eventID.rawValue).text,
                of: user.serverName,
                body: [
                    "room_version": .string(version.id), "event": .object(event.pdu.object),
                    "invite_room_state": .array(roomState),
                ],
                timeoutMs: Self.timeoutMs))
        let returned = try Self.returned(answer)
        let signed = try Self.countersigned(event, by: user.serverName, in: returned, version)
        let result = try await rooms.receive(
            signed, room: room, version: version, from: environment.serverName, requestID: requestID,
            pipeline: ReceiptPipeline { _, _ in .valid })
        guard case .recorded(.accepted, _) = result else {
            throw Rejection.forbidden("The room has changed meanwhile and its rules forbid the invitation.")
        }
    }

    private static func returned(_ answer: RemoteAnswer) throws -> JSONObject {
        do throws(RemoteFault) {
            return try answer.object()
        } catch {
            guard case .refused(let status, let errcode, let message) = error, (400..<500).contains(status) else {
                throw error
            }
            throw Rejection(status == 404 ? 404 : 403, errcode, "The invited user's server refused: \(message)")
        }
    }

    /// The event with what the other server added: nothing but its signatures. "All other fields of the events should remain
    /// untouched."
    private static func countersigned(
        _ event: HeldPDU, by server: ServerName, in answer: JSONObject, _ version: RoomVersion
    ) throws -> JSONObject {
        guard let added = answer["event"]?["signatures"]?[server.rawValue]?.objectValue, added.count <= 8 else {
            throw RemoteFault.malformed("the invitation came back without a signature")
        }
        var signatures = event.pdu.object["signatures"]?.objectValue ?? [:]
        signatures[server.rawValue] = .object(added)
        var object = event.pdu.object
        object["signatures"] = .object(signatures)
        return object
    }
}
