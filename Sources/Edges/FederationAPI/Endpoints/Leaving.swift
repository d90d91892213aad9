import HTTPFront
import MatrixEvents

/// `/make_leave` and `/send_leave`, by which invitations are turned down and knocks taken back too.
extension FederationAPI {
    func addLeaving(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/make_leave/{roomId}/{userId}") { call in
            try await template(.leave, call, supported: nil)
        }
        table.signed(.put, "/_matrix/federation/v2/send_leave/{roomId}/{eventId}") { call in
            _ = try await accept(.leave, call)
            // "An empty response to indicate the event was accepted into the graph by the receiving homeserver."
            return .emptyObject
        }
    }
}
