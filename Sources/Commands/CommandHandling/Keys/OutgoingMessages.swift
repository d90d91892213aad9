import EventLog
import Synchronization

/// To-device messages on their way to the disk, by the client's transaction: a repeated request waits for the first.
final class OutgoingMessages: Sendable {
    private let pending = Mutex<[String: PendingAppend]>([:])

    /// Hands a batch to the log unless the same transaction is on its way.
    func append(_ batch: LogBatch, transaction: String, to log: any EventLog) async throws {
        let (append, isFirst) = pending.withLock { pending in
            if let earlier = pending[transaction] { return (earlier, false) }
            let append = PendingAppend(batch, to: log)
            pending[transaction] = append
            return (append, true)
        }
        defer { if isFirst { pending.withLock { $0[transaction] = nil } } }
        _ = try await append.value()
    }
}
