import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/publicRooms`.
extension ClientAPI {
    func addPublicRooms(to table: inout EndpointTable) {
        table.perform(.get, "/publicRooms", settings.publicRoomsWithoutLogin ? .anyone : .guest) { call in
            if let server = try otherServer(call) { return try await publicRooms(of: server, call, nil) }
            return .json(
                try directoryQueries.publicRooms(
                    PublicRoomsRequest(
                        limit: try call.countQuery("limit"), since: call.query("since"), searchTerm: nil, roomTypes: nil
                    )))
        }
        table.perform(.post, "/publicRooms", .guest) { call in
            let body = try call.optionalBody()
            let request = try request(body)
            if let server = try otherServer(call) { return try await publicRooms(of: server, call, body.object) }
            return .json(try directoryQueries.publicRooms(request))
        }
    }

    /// "server: The server to fetch the public room lists from. Defaults to the local server."
    private func otherServer(_ call: Call) throws -> ServerName? {
        guard let name = call.query("server"), !name.isEmpty else { return nil }
        guard let server = ServerName(name) else { throw Rejection.invalidParam("server is not a server name.") }
        return server == environment.serverName ? nil : server
    }

    private func publicRooms(of server: ServerName, _ call: Call, _ body: JSONObject?) async throws -> HTTPResponse {
        guard let remote else { throw Self.doesNotFederate }
        return .json(
            .object(
                try await remote.lookups.publicRooms(
                    of: server, limit: try call.countQuery("limit"), since: call.query("since"), body: body)))
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
