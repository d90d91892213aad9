package import MatrixIdentifiers
import Synchronization

/// Which servers do not answer, and when each may be tried again: later and later, each at a moment of its own.
///
/// In memory only: after a restart everybody is tried once.
package final class BackOff: Sendable {
    package struct Policy: Sendable, Hashable {
        /// After the first failure.
        package var firstMs: Int64 = 5000
        package var multiplier = 2.0
        package var longestMs: Int64 = 3_600_000
        /// Of the interval, at random, so that not all who wait come back at once.
        package var jitter = 0.2

        package init() {}
    }

    private struct Failing {
        var failures: Int
        var intervalMs: Int64
        var retryAtMs: Int64
    }

    private struct State {
        var failing: BoundedTable<ServerName, Failing>
        var onRecovery: (@Sendable (ServerName) -> Void)?
    }

    private let policy: Policy
    private let nowMs: @Sendable () -> Int64
    private let random: @Sendable () -> Double
    private let state: Mutex<State>

    /// - Parameter random: a number from 0 to 1 that nobody can guess.
    package init(
        policy: Policy = Policy(), capacity: Int = 20_000, nowMs: @escaping @Sendable () -> Int64,
        random: @escaping @Sendable () -> Double
    ) {
        self.policy = policy
        self.nowMs = nowMs
        self.random = random
        state = Mutex(State(failing: BoundedTable(capacity: capacity)))
    }

    /// Who is to be told when a server that did not answer answers again, or is heard from; the sender, which then goes on.
    package func setOnRecovery(_ handle: @escaping @Sendable (ServerName) -> Void) {
        state.withLock { $0.onRecovery = handle }
    }

    /// When a server may be tried again (milliseconds since 1970); nil when it may be now.
    package func retryAt(_ server: ServerName) -> Int64? {
        let now = nowMs()
        return state.withLock { state in
            guard let failing = state.failing.value(server, nowMs: now), failing.retryAtMs > now else { return nil }
            return failing.retryAtMs
        }
    }

    /// How many times in a row a server has not answered.
    package func failures(of server: ServerName) -> Int {
        let now = nowMs()
        return state.withLock { $0.failing.value(server, nowMs: now)?.failures ?? 0 }
    }

    /// A request did not reach the server, or it could not answer it.
    ///
    /// - Parameter begunMs: when the request began. Many that fail together are one failure.
    package func failed(_ server: ServerName, begunMs: Int64) {
        let now = nowMs()
        let share = 1 + policy.jitter * (2 * min(max(random(), 0), 1) - 1)
        state.withLock { state in
            var failing =
                state.failing.value(server, nowMs: now) ?? Failing(failures: 0, intervalMs: 0, retryAtMs: .min)
            guard failing.failures == 0 || begunMs >= failing.retryAtMs else { return }
            failing.failures += 1
            failing.intervalMs = next(after: failing.intervalMs)
            let wait = Int64((Double(failing.intervalMs) * share).rounded())
            failing.retryAtMs = now.addingReportingOverflow(max(wait, 1)).partialValue
            // Who is not tried again within the hour after that begins anew.
            let until = failing.retryAtMs.addingReportingOverflow(3_600_000).partialValue
            state.failing.set(failing, server, untilMs: until, nowMs: now)
        }
    }

    /// The server answered, or was heard from.
    package func succeeded(_ server: ServerName) {
        let now = nowMs()
        let handle = state.withLock { state -> (@Sendable (ServerName) -> Void)? in
            guard state.failing.value(server, nowMs: now) != nil else { return nil }
            state.failing.remove(server)
            return state.onRecovery
        }
        handle?(server)
    }

    private func next(after intervalMs: Int64) -> Int64 {
        guard intervalMs > 0 else { return min(policy.firstMs, policy.longestMs) }
        let longer = Double(intervalMs) * max(policy.multiplier, 1)
        return longer >= Double(policy.longestMs) ? policy.longestMs : Int64(longer)
    }
}
