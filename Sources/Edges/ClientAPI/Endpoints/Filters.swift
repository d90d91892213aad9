import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import Queries

/// `/user/{userId}/filter`.
extension ClientAPI {
    func addFilters(to table: inout EndpointTable) {
        table.perform(.post, "/user/{userId}/filter", .guest) { call in
            _ = try call.ownUser("You may store only filters of your own.")
            let definition = try call.body().object
            _ = try SyncFilter(json: .object(definition))
            let filterID = try await accounts.createFilter(definition, caller: call.caller)
            return .json(["filter_id": .string(filterID)])
        }
        table.read("/user/{userId}/filter/{filterId}", .guest) { call in
            let user = try call.ownUser("You may read only filters of your own.")
            guard let filter = try accountQueries.filter(user, id: call["filterId"]) else {
                throw Rejection.notFound("You have no such filter.")
            }
            return .json(filter)
        }
    }
}
