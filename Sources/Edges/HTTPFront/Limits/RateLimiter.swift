import Synchronization

/// Leaky buckets as Synapse's `rc_*` settings describe them: a bucket takes `burst` actions at once and drains at
/// `perSecond`.
///
/// A bucket is one number, the moment at which it will be empty; an empty bucket is the same as none, so memory is
/// given back by forgetting those that have drained. The number of buckets is bounded.
package final class RateLimiter: Sendable {
    /// The two numbers of a class. `perSecond` of zero or less means no limit.
    package struct Limit: Sendable, Hashable {
        package var perSecond: Double
        package var burst: Double

        package init(perSecond: Double, burst: Double) {
            self.perSecond = perSecond
            self.burst = burst
        }
    }

    /// Whether an action is allowed now, and otherwise how long to wait.
    package enum Verdict: Sendable, Hashable {
        case allowed
        case limited(retryAfterMilliseconds: Int64)
    }

    private struct BucketKey: Hashable {
        let limitClass: String
        let subject: String
    }

    private let limits: Mutex<[String: Limit]>
    private let shards: [Shard]
    private let now: @Sendable () -> UInt64

    /// - Parameter now: nanoseconds of a clock that never goes back.
    package init(
        limits: [String: Limit] = [:], maxBuckets: Int = 200_000, now: (@Sendable () -> UInt64)? = nil
    ) {
        self.limits = Mutex(limits)
        self.now = now ?? { MonotonicTime.nanoseconds() }
        shards = (0..<Self.shardCount).map { _ in Shard(capacity: max(4, maxBuckets / Self.shardCount)) }
    }

    /// Changes the limits, as after a reload of the configuration. Buckets keep what they hold.
    package func setLimits(_ limits: [String: Limit]) { self.limits.withLock { $0 = limits } }

    /// Counts one action of a subject (a user, an address, a room) if it is allowed. A class without a limit always is.
    package func check(_ limitClass: String, key: String, cost: Double = 1) -> Verdict {
        guard let limit = limits.withLock({ $0[limitClass] }) else { return .allowed }
        return check(limitClass, key: key, limit: limit, cost: cost)
    }

    /// The same with a limit of the caller's, for users whose limit an administrator has changed.
    ///
    /// - Parameter counts: false asks without counting, as for failed logins that are counted when they have failed.
    package func check(
        _ limitClass: String, key: String, limit: Limit, cost: Double = 1, counts: Bool = true
    ) -> Verdict {
        guard limit.perSecond > 0, limit.perSecond.isFinite, limit.burst.isFinite, cost >= 0, cost < 1e9 else {
            return .allowed
        }
        let perAction = min(1e9 / limit.perSecond, 1e18)
        let time = now()
        let bucketKey = BucketKey(limitClass: limitClass, subject: key)
        let shard = shards[Int(UInt(bitPattern: bucketKey.hashValue) % UInt(shards.count))]
        return shard.buckets.withLock { buckets in
            let emptyAt = buckets[bucketKey] ?? 0
            let level = emptyAt > time ? Double(emptyAt - time) : 0
            let excess = level + cost * perAction - limit.burst * perAction
            // Half a nanosecond of rounding must not refuse the last action of a burst.
            guard excess <= 0.5 else {
                return .limited(retryAfterMilliseconds: Int64(min(excess / 1e6, 1e15).rounded(.up)))
            }
            guard counts else { return .allowed }
            if buckets[bucketKey] == nil, buckets.count >= shard.capacity { Self.makeRoom(in: &buckets, at: time) }
            let filled = min(level + cost * perAction, 9e18)
            buckets[bucketKey] = time &+ UInt64(filled)
            return .allowed
        }
    }

    /// Like `check`, but throws the error response.
    package func require(_ limitClass: String, key: String, cost: Double = 1) throws(MatrixError) {
        guard case .limited(let milliseconds) = check(limitClass, key: key, cost: cost) else { return }
        throw MatrixError.limitExceeded(retryAfterMilliseconds: milliseconds)
    }

    /// How many buckets are in memory.
    package var bucketCount: Int { shards.reduce(0) { $0 + $1.buckets.withLock { $0.count } } }

    /// Drops what has drained; if that is not enough, the half that would drain first.
    private static func makeRoom(in buckets: inout [BucketKey: UInt64], at time: UInt64) {
        let before = buckets.count
        buckets = buckets.filter { $0.value > time }
        guard buckets.count > before * 3 / 4 else { return }
        let moments = buckets.values.sorted()
        let median = moments[moments.count / 2]
        buckets = buckets.filter { $0.value > median }
    }

    private static let shardCount = 8

    private final class Shard: Sendable {
        let capacity: Int
        let buckets = Mutex<[BucketKey: UInt64]>([:])
        init(capacity: Int) { self.capacity = capacity }
    }
}
