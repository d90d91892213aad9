import Decisions
import EndpointSupport
import HTTPFront
import Queries

/// `/user_directory/search`.
extension ClientAPI {
    func addUserDirectory(to table: inout EndpointTable) {
        table.read(.post, "/user_directory/search", .user) { call in
            let body = try call.body()
            let term = try body.string("search_term")
            let limit = try body.optionalInteger("limit")
            if let limit, limit < 0 { throw Rejection.invalidParam("limit must not be negative.") }
            return .json(
                try userDirectoryQueries.search(
                    term, limit: limit.map { Int(clamping: $0) } ?? UserDirectoryQueries.defaultLimit,
                    by: try call.asker))
        }
    }
}
