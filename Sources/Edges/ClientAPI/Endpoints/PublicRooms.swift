import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/publicRooms`.
extension ClientAPI {
    func addPublicRooms(to table: inout EndpointTable) {
        table.read("/publicRooms", settings.publicRoomsWithoutLogin ? .anyone : .guest) { call in
            try refuseOtherServers(call)
            return .json(
                try directoryQueries.publicRooms(
                    PublicRoomsRequest(
                        limit: try call.countQuery("limit"), since: call.query("since"), searchTerm: nil, roomTypes: nil
                    )))
        }
        table.read(.post, "/publicRooms", .guest) { call in
            try refuseOtherServers(call)
            return .json(try directoryQueries.publicRooms(try request(try call.optionalBody())))
        }
    }

    private func refuseOtherServers(_ call: Call) throws {
        guard let server = call.query("server"), !server.isEmpty else { return }
        guard server.utf8.elementsEqual(environment.serverName.rawValue.utf8) else {
            throw Rejection.notFound("This server cannot ask others for their rooms; it does not federate yet.")
        }
    }

    private func request(_ body: Body) throws -> PublicRoomsRequest {
        let limit = try body.optionalInteger("limit")
        if let limit, limit < 0 { throw Rejection.invalidParam("limit must not be negative.") }
        let filter = Body(try body.optionalObject("filter") ?? [:])
        _ = try body.flag("include_all_networks")
        _ = try body.optionalString("third_party_instance_id")
        var types: [String?]?
        if let value = filter.value("room_types") {
            guard let elements = value.arrayValue, elements.allSatisfy({ $0.isNull || $0.stringValue != nil }) else {
                throw Rejection.badJSON("filter.room_types must be an array of strings and nulls.")
            }
            types = elements.map(\.stringValue)
        }
        return PublicRoomsRequest(
            limit: limit.map { Int(clamping: $0) },
            since: try body.optionalString("since"),
            searchTerm: try filter.optionalString("generic_search_term"),
            roomTypes: types
        )
    }
}
