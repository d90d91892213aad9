import EventLog
import Synchronization

/// The outcome of a batch that was handed to the log: set once by the log's thread, awaited by any number of callers.
final class PendingAppend: Sendable {
    private enum Progress {
        case waiting([CheckedContinuation<AppendReceipt, any Error>])
        case finished(Result<AppendReceipt, AppendFault>)
    }

    private let progress = Mutex(Progress.waiting([]))

    /// Hands the batch to the log; the order of calls is the order in the log.
    init(_ batch: LogBatch, to log: any EventLog) {
        log.enqueue(batch) { [self] result in finish(result) }
    }

    private func finish(_ result: Result<AppendReceipt, AppendFault>) {
        let waiters = progress.withLock { progress in
            guard case .waiting(let waiters) = progress else {
                return [CheckedContinuation<AppendReceipt, any Error>]()
            }
            progress = .finished(result)
            return waiters
        }
        for waiter in waiters { waiter.resume(with: result.mapError { $0 as any Error }) }
    }

    /// Returns when the batch is durable and readable, or throws the `AppendFault`.
    func value() async throws -> AppendReceipt {
        try await withCheckedThrowingContinuation { continuation in
            let finished = progress.withLock { progress -> Result<AppendReceipt, AppendFault>? in
                switch progress {
                case .finished(let result): return result
                case .waiting(var waiters):
                    waiters.append(continuation)
                    progress = .waiting(waiters)
                    return nil
                }
            }
            if let finished { continuation.resume(with: finished.mapError { $0 as any Error }) }
        }
    }
}

extension AppendFault {
    /// Somebody else wrote to a stream first.
    var isConflict: Bool {
        if case .conflict = self { return true }
        return false
    }
}
