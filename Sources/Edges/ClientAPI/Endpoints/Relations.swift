import CanonicalJSON
import Decisions
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/relations` and `/threads`.
extension ClientAPI {
    private static let defaultChildren = 5

    func addRelations(to table: inout EndpointTable) {
        for path in ["", "/{relType}", "/{relType}/{eventType}"] {
            table.read("/rooms/{roomId}/relations/{eventId}" + path, .guest) { call in
                .json(try relationQueries.relations(relationRequest(call, path), by: call.asker))
            }
        }
        table.read("/rooms/{roomId}/threads", .guest) { call in
            let include = call.query("include") ?? "all"
            guard include == "all" || include == "participated" else {
                throw Rejection.invalidParam("include must be all or participated.")
            }
            let body = try relationQueries.threads(
                room: try call.room, participated: include == "participated", from: call.query("from"),
                limit: try call.countQuery("limit") ?? Self.defaultChildren, by: try call.asker)
            return .json(body)
        }
    }

    private func relationRequest(_ call: Call, _ path: String) throws -> RelationQueries.Request {
        let direction = call.query("dir") ?? "b"
        guard direction == "b" || direction == "f" else { throw Rejection.invalidParam("dir must be b or f.") }
        return RelationQueries.Request(
            room: try call.room,
            parent: try call.eventID,
            relType: path.isEmpty ? nil : call["relType"],
            eventType: path.hasSuffix("{eventType}") ? call["eventType"] : nil,
            from: call.query("from"),
            to: call.query("to"),
            backwards: direction == "b",
            limit: try call.countQuery("limit") ?? Self.defaultChildren,
            recurses: try call.flagQuery("recurse")
        )
    }
}
