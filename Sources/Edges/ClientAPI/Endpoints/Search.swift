import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import EventLog
import HTTPFront
import Queries
import SearchIndex

/// `/search`.
extension ClientAPI {
    /// How long a search waits for the index to know what was acknowledged before.
    private static let longestWait = Duration.seconds(2)
    /// An index that is further behind than that would answer what is not so.
    private static let mostBehind: UInt64 = 1000

    func addSearch(to table: inout EndpointTable) {
        // A task: while the index catches up, no thread waits for it.
        table.perform(.post, "/search", .user) { try await search($0) }
    }

    private func search(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        guard let follower = searchFollower else {
            throw Rejection(400, "M_UNKNOWN", "Searching is disabled on this server.")
        }
        let nextBatch = call.query("next_batch").flatMap { $0.isEmpty ? nil : $0 }
        guard let request = try SearchRequest(body: body.object, nextBatch: nextBatch) else {
            return .json(["search_categories": [:]])
        }
        let asker = try call.asker
        let queries = SearchQueries(views: environment.views, index: follower.index)
        let head = queries.head
        if await !follower.reach(head, atMost: Self.longestWait),
            head.rawValue &- min(follower.position.rawValue, head.rawValue) > Self.mostBehind
        {
            throw MatrixError(
                status: 503, errcode: "M_UNKNOWN",
                message: "The search index is being built: \(follower.position) of \(head). Try again later.")
        }
        return .json(try queries.search(request, by: asker))
    }
}
