import LogEvents
import Synchronization

/// When media were given out, gathered in memory and written to the log now and then, so that reading costs no write.
package final class MediaAccesses: Sendable {
    /// Retention counts in days: an hour more or less is none.
    private static let intervalMs: Int64 = 3_600_000
    private static let capacity = 100_000

    private struct Gathered {
        var fresh: [String: Int64] = [:]
        var written: [String: Int64] = [:]
    }

    private let gathered = Mutex(Gathered())

    package init() {}

    package func note(_ mediaID: String, nowMs: Int64) {
        gathered.withLock { gathered in
            if let last = gathered.written[mediaID], nowMs &- last < Self.intervalMs { return }
            guard gathered.fresh.count < Self.capacity || gathered.fresh[mediaID] != nil else { return }
            gathered.fresh[mediaID] = nowMs
        }
    }

    /// Takes what was gathered.
    func take() -> [MediaAccessed.Access] {
        gathered.withLock { gathered in
            let fresh = gathered.fresh
            gathered.fresh = [:]
            if gathered.written.count > Self.capacity { gathered.written = [:] }
            for (mediaID, atMs) in fresh { gathered.written[mediaID] = atMs }
            return fresh.sorted { $0.key < $1.key }.map { MediaAccessed.Access(mediaID: $0.key, atMs: $0.value) }
        }
    }
}
