package import EventLog
package import ProjectionEngine
import Synchronization

/// Builds an index from the log in the foreground.
package enum SearchRebuild {
    /// Fills an empty index up to a record.
    ///
    /// - Parameter progress: told how far it is; returning false stops.
    package static func fill(
        _ index: SearchIndex, from source: RecordSource, upTo end: LogPosition,
        progress: @escaping @Sendable (LogPosition, LogPosition) -> Bool
    ) throws {
        let follower = SearchFollower(index: index, source: source)
        try follower.prepare()
        while follower.position < end {
            let next = LogPosition(rawValue: min(end.rawValue, follower.position.rawValue + 4096))
            try follower.catchUp(upTo: next)
            guard progress(follower.position, end) else { throw ProjectionFault.interrupted }
        }
    }
}
