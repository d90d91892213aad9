import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixEvents
import MatrixIdentifiers
import Queries
import RoomVersions

/// `/make_join` and `/send_join`.
///
/// The first versions of `/send_join` and `/send_leave` are no more: "Remove `/v1/send_join` and `/v1/send_leave`" (v1.18).
extension FederationAPI {
    func addJoining(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/make_join/{roomId}/{userId}") { call in
            let versions = call.request.query.all("ver")
            // "Defaults to `[1]`."
            return try await template(.join, call, supported: versions.isEmpty ? ["1"] : versions)
        }
        table.signed(.put, "/_matrix/federation/v2/send_join/{roomId}/{eventId}") { call in
            let omitsMembers = try call.flagQuery("omit_members")
            let joined = try await accept(.join, call)
            return .json(
                chunks: try states.answer(
                    toJoin: joined, of: try call.room, omitsMembers: omitsMembers, origin: environment.serverName))
        }
    }

    func template(_ membership: Membership, _ call: FederationCall, supported: [String]?) async throws -> HTTPResponse {
        let user = try call.identifier("userId", as: UserID.self)
        let made = try await handshakes.template(try request(membership, call), of: user, supported: supported)
        return .json(["event": .object(made.event), "room_version": .string(made.version.id)])
    }

    /// Takes the event of a handshake. What the path calls it is not asked for: the event itself says it.
    func accept(_ membership: Membership, _ call: FederationCall) async throws -> EventID {
        try await handshakes.accept(try call.body().object, try request(membership, call))
    }

    private func request(_ membership: Membership, _ call: FederationCall) throws -> MembershipHandshakes.Request {
        MembershipHandshakes.Request(
            membership, in: try call.room, from: try call.origin, requestID: call.request.requestID)
    }
}
