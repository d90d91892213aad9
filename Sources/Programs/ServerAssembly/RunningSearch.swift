import Decisions
import EventLog
import HTTPFront
import ProjectionEngine
import SearchIndex
import Synchronization

/// The search index and the thread that brings it along; it exists before the log is open, so that batches find it.
final class RunningSearch: Sendable {
    private let held = Mutex<SearchFollower?>(nil)

    var follower: SearchFollower? { held.withLock { $0 } }

    /// Opens the index. One that cannot be opened is no reason not to serve.
    func prepare(_ data: DataDirectory, storage: Storage, metrics: MetricsRegistry, log: StructuredLog) {
        let follower: SearchFollower
        do {
            try DataDirectory.makeDirectories(data.search)
            let index = try SearchIndex(directory: data.search)
            follower = SearchFollower(index: index, source: RecordSource(storage.eventLog)) { report in
                switch report {
                case .startsOver(let reason): log.warning("the search index is built anew", [("reason", reason)])
                case .building(let done, let head):
                    log.info("building the search index", [("position", "\(done)"), ("head", "\(head)")])
                case .built(let position): log.info("the search index is up to date", [("position", "\(position)")])
                case .failed(let fault): log.error("the search index is behind", [("fault", fault)])
                }
            }
        } catch {
            log.error("the search index cannot be opened; searching is off", [("fault", "\(error)")])
            return
        }
        held.withLock { $0 = follower }
        metrics.gauge("engram_search_position", help: "Position up to which the search index was built.") {
            Double(follower.position.rawValue)
        }
        metrics.gauge("engram_search_lag", help: "Records that are durable but not yet in the search index.") {
            Double(storage.eventLog.durableHead.rawValue) - Double(follower.position.rawValue)
        }
        metrics.gauge("engram_search_building", help: "1 while the search index has not yet reached the head.") {
            follower.isBuilding ? 1 : 0
        }
    }

    /// Takes note of a batch.
    func applied() { follower?.applied() }

    func start() { follower?.start() }

    /// Ends the thread, with the index at the log's head if that takes no time. Call before the log is closed.
    func stop(head: LogPosition) async {
        guard let follower else { return }
        _ = await follower.reach(head, atMost: .seconds(2))
        follower.stop()
    }

    /// Waits until what was erased up to a record is in no file of the index.
    func forgetErased(upTo head: LogPosition) async throws {
        guard let follower else { return }
        guard await follower.reach(head, atMost: .seconds(60)) else {
            throw Rejection(
                503, "M_UNKNOWN",
                "The events are erased, but the search index is far behind: what it holds of them goes when it catches up."
            )
        }
        try follower.index.scrub()
    }

    /// The same without a server.
    static func forgetErased(_ data: DataDirectory, storage: Storage) throws {
        guard SearchIndex.exists(in: data.search) else { return }
        let index = try SearchIndex(directory: data.search)
        defer { index.close() }
        try SearchRebuild.fill(
            index, from: RecordSource(storage.eventLog), upTo: storage.eventLog.durableHead, progress: { _, _ in true })
        try index.scrub()
    }

    /// An index that is no longer wanted must not keep what is redacted and erased from now on.
    static func remove(_ data: DataDirectory, log: StructuredLog) {
        do { try DataDirectory.remove(data.search) } catch {
            log.warning("the unused search index was not removed", [("fault", "\(error)")])
        }
    }
}
