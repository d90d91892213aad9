import Decisions
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/state`, `/state_ids`, `/event_auth` and `/hierarchy`.
extension FederationAPI {
    func addState(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/state/{roomId}") { call in
            let eventID = try call.identifierQuery("event_id", as: EventID.self)
            return .json(chunks: try states.state(try call.room, at: eventID, for: call.origin))
        }
        table.signed(.get, "/_matrix/federation/v1/state_ids/{roomId}") { call in
            let eventID = try call.identifierQuery("event_id", as: EventID.self)
            return .json(chunks: try states.stateIDs(try call.room, at: eventID, for: call.origin))
        }
        table.signed(.get, "/_matrix/federation/v1/event_auth/{roomId}/{eventId}") { call in
            .json(chunks: try states.authChain(try call.room, of: try call.eventID, for: call.origin))
        }
        table.signed(.get, "/_matrix/federation/v1/hierarchy/{roomId}") { call in
            .json(
                try spaces.hierarchy(
                    try call.room, suggestedOnly: try call.flagQuery("suggested_only"), for: call.origin))
        }
    }
}

extension HTTPResponse {
    /// A JSON body in pieces.
    static func json(chunks: [[UInt8]]) -> HTTPResponse {
        HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], chunks: chunks)
    }
}
