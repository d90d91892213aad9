package import EventLog
import KeyValueStore
package import ReadModel
package import SearchIndex

/// Finds messages by their words.
package struct SearchQueries: Sendable {
    private let views: Views
    private let index: SearchIndex
    private let mostHits: Int

    package init(views: Views, index: SearchIndex) {
        self.init(views: views, index: index, mostHits: 20_000)
    }

    /// - Parameter mostHits: how many of the newest events that match are looked at by one query.
    init(views: Views, index: SearchIndex, mostHits: Int) {
        self.views = views
        self.index = index
        self.mostHits = mostHits
    }

    /// The last record that a search ought to know: what was acknowledged before it was asked.
    package var head: LogPosition { views.head }

    /// The answer of `POST /search`.
    package func search(_ request: SearchRequest, by asker: Asker) throws -> [UInt8] {
        try views.snapshot { snapshot in
            if let token = request.from, token.epoch != asker.epoch || token.upTo > snapshot.newest {
                throw QueryRefusal.invalid("next_batch is of another time of this server; search anew.")
            }
            var scope = try SearchScope(snapshot, user: asker.identity.userNum, filter: request.filter)
            let page = try page(request, &scope, epoch: asker.epoch)
            let words = SearchHighlights(request.term, texts: try index.texts(of: page.results.map(\.position)))
            return try SearchAnswer(request: request, page: page, asker: asker, highlights: words.found)
                .rendered(&scope)
        }
    }

    private func page(_ request: SearchRequest, _ scope: inout SearchScope, epoch: UInt64) throws -> SearchPage {
        let upTo = request.from?.upTo ?? scope.snapshot.newest
        var page = SearchPage(epoch: epoch, upTo: upTo, order: request.order)
        let expression = SearchExpression(request.term, keys: request.wantedKeys, rooms: try scope.roomNames)
        guard let expression, !scope.rooms.isEmpty, !request.filter.allowsNothing else { return page }
        var end = upTo
        if request.order == .recent, let from = request.from {
            end = min(end, LogPosition(rawValue: from.cursor).before)
        }
        let hits = try index.matches(expression, upTo: end, limit: mostHits)
        var found: [SearchPage.Result] = []
        for hit in hits {
            guard let place = try scope.find(hit.position) else { continue }
            found.append(
                SearchPage.Result(position: hit.position, rank: hit.rank, room: place.room, sender: place.sender))
        }
        // Beyond what is looked at there may be more, which only a search by time comes to.
        let oldest = hits.count >= mostHits && request.order == .recent ? hits.last?.position : nil
        page.fill(found, from: request.from, limit: request.limit, oldest: oldest, groupings: request.groupings)
        return page
    }
}
