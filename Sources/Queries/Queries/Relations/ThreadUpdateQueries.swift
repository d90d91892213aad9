import CanonicalJSON
import EventLog
package import ReadModel

/// `GET /thread_updates` (MSC4360): what the `threads` extension of a sliding sync had no room for.
package struct ThreadUpdateQueries: Sendable {
    package let views: Views
    /// The most threads of one page.
    package static let largestPage = 100

    package init(views: Views) {
        self.views = views
    }

    /// A page of threads, newest first.
    ///
    /// - Parameters:
    ///   - from: where the page begins; nil for the newest.
    ///   - to: where paging ends; nil for the beginning of everything.
    package func page(from: String?, to: String?, limit: Int, by asker: Asker) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let head = snapshot.newest.rawValue
            let start = try from.map { try SyncToken(parsing: $0).checked(epoch: asker.epoch, head: head).position }
            let end = try to.map { try SyncToken(parsing: $0).checked(epoch: asker.epoch, head: head).position }
            let ignored = try SyncContext.ignored(snapshot, by: asker.identity.userNum)
            let updates = ThreadUpdates(snapshot, asker: asker, ignored: ignored)
            let page = try updates.page(
                after: LogPosition(rawValue: end ?? 0), upTo: LogPosition(rawValue: start ?? head),
                limit: max(1, min(limit, Self.largestPage)), rooms: nil
            ) { _ in true }
            var writer = JSONWriter(capacity: 256 + page.updates.count * 1024)
            writer.beginObject()
            try updates.append(
                page, under: "chunk", withRoots: true, renderer: try EventRenderer(bundling: snapshot, asker: asker),
                to: &writer)
            if let next = page.next { writer.field("next_batch", asker.token(next.rawValue)) }
            writer.endObject()
            return writer.bytes
        }
    }
}
