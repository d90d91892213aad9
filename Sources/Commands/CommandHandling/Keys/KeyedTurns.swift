import Synchronization

/// Lets one at a time of those go on who do something under the same name; they wait without holding a thread.
///
/// It only saves work: that nothing is decided on what is out of date is for the log's expected stream versions.
package final class KeyedTurns: Sendable {
    private let queues = Mutex<[String: [CheckedContinuation<Void, Never>]]>([:])

    package init() {}

    package func run<Result>(
        _ name: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async rethrows -> Result {
        await withCheckedContinuation { continuation in
            let isFirst = queues.withLock { queues in
                guard queues[name] != nil else {
                    queues[name] = []
                    return true
                }
                queues[name]?.append(continuation)
                return false
            }
            if isFirst { continuation.resume() }
        }
        defer { next(name)?.resume() }
        return try await body()
    }

    private func next(_ name: String) -> CheckedContinuation<Void, Never>? {
        queues.withLock { queues in
            guard var queue = queues[name], !queue.isEmpty else {
                queues[name] = nil
                return nil
            }
            let next = queue.removeFirst()
            queues[name] = queue
            return next
        }
    }
}
