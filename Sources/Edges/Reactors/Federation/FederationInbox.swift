import MatrixIdentifiers
import Queries
import Synchronization

/// What others tell the sender. A wake-up says only that looking again may be worth it.
final class FederationInbox: Sendable {
    struct Contents {
        /// The newest of each kind.
        var news: [EphemeralNews.Subject: EphemeralNews] = [:]
        /// Servers that showed a sign of life.
        var heard: Set<ServerName> = []
        var finished: [FederationDelivery.Report] = []
    }

    private let contents = Mutex(Contents())
    let wakeUps: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private static let mostNews = 20_000

    init() {
        (wakeUps, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func wake() { continuation.yield() }

    func note(_ news: EphemeralNews) {
        contents.withLock { contents in
            if contents.news.count < Self.mostNews || contents.news[news.subject] != nil {
                contents.news[news.subject] = news
            }
        }
        wake()
    }

    func hear(_ server: ServerName) {
        contents.withLock { _ = $0.heard.insert(server) }
        wake()
    }

    func finish(_ report: FederationDelivery.Report) {
        contents.withLock { $0.finished.append(report) }
        wake()
    }

    func take() -> Contents {
        contents.withLock { contents in
            defer { contents = Contents() }
            return contents
        }
    }
}
