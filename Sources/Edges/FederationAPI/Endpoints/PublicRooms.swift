import CanonicalJSON
import Decisions
import EndpointSupport
import HTTPFront
import Queries

/// `/publicRooms`.
extension FederationAPI {
    func addPublicRooms(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/publicRooms") { call in
            try requirePublicRooms()
            _ = try call.flagQuery("include_all_networks")
            let limit = try call.countQuery("limit")
            return .json(try directory.publicRooms(page(limit, since: call.query("since"))))
        }
        table.signed(.post, "/_matrix/federation/v1/publicRooms") { call in
            try requirePublicRooms()
            let body = try call.body()
            let limit = try body.optionalInteger("limit")
            if let limit, limit < 0 { throw Rejection.invalidParam("limit must not be negative.") }
            _ = try body.flag("include_all_networks")
            _ = try body.optionalString("third_party_instance_id")
            var request = page(limit.map { Int(clamping: $0) }, since: try body.optionalString("since"))
            let filter = Body(try body.optionalObject("filter") ?? [:])
            if let term = try filter.optionalString("generic_search_term"), !term.isEmpty { request.searchTerm = term }
            if let value = filter.value("room_types") {
                guard let types = value.arrayValue, types.allSatisfy({ $0.isNull || $0.stringValue != nil }) else {
                    throw Rejection.badJSON("filter.room_types must be an array of strings and nulls.")
                }
                request.roomTypes = types.map(\.stringValue)
            }
            return .json(try directory.publicRooms(request))
        }
    }

    private func requirePublicRooms() throws {
        guard settings.allowsPublicRooms else {
            throw Rejection.forbidden("This server does not show its directory of rooms to other servers.")
        }
    }

    /// "The maximum number of rooms to return. Defaults to 0 (no limit)": as many as one page has.
    private func page(_ limit: Int?, since: String?) -> PublicRoomsRequest {
        PublicRoomsRequest(limit: limit == 0 || limit == nil ? .max : limit, since: since)
    }
}
