import CanonicalJSON
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import RoomVersions

/// `/invite` and `/exchange_third_party_invite`.
extension FederationAPI {
    func addInviting(to table: inout FederationTable) {
        table.signed(.put, "/_matrix/federation/v2/invite/{roomId}/{eventId}") { call in
            let body = try call.body()
            guard let event = try body.optionalObject("event") else {
                throw Rejection.missingParam("event is missing.")
            }
            let request = Invitations.Request(
                room: try call.room, event: event, version: try body.string("room_version"),
                roomState: try roomState(body), origin: try call.origin, requestID: call.request.requestID)
            return .json(["event": .object(try await invitations.accept(request))])
        }
        table.signed(.put, "/_matrix/federation/v1/invite/{roomId}/{eventId}") { call in
            let event = try call.body()
            // "Servers which receive a v1 invite request must assume that the room version is either `"1"` or `"2"`": both
            // have events of the same form and the same redactions.
            let request = Invitations.Request(
                room: try call.room, event: event.object, version: "1",
                roomState: try roomState(Body(try event.optionalObject("unsigned") ?? [:])), origin: try call.origin,
                requestID: call.request.requestID)
            return .json([200, ["event": .object(try await invitations.accept(request))]])
        }
        table.signed(.put, "/_matrix/federation/v1/exchange_third_party_invite/{roomId}") { call in
            try await thirdPartyInvites.exchange(
                try call.body().object, in: try call.room, from: try call.origin, requestID: call.request.requestID)
            return .emptyObject
        }
    }

    private func roomState(_ body: Body) throws -> [JSONValue] {
        guard let value = body.value("invite_room_state") else { return [] }
        guard let state = value.arrayValue else { throw Rejection.badJSON("invite_room_state must be an array.") }
        return state
    }
}
