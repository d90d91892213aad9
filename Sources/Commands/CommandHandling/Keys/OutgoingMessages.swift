import EventLog
import Synchronization

/// To-device messages on their way to the disk, by the client's transaction: a repeated request waits for the first.
final class OutgoingMessages: Sendable {
    private final class Shard: Sendable {
        let pending = Mutex<[String: PendingAppend]>([:])
    }

    /// The lock is held while the tables are asked and the batch is encoded, so transactions share it only by chance.
    private let shards = (0..<64).map { _ in Shard() }

    /// Hands a batch to the log unless the same transaction is on its way or there.
    ///
    /// - Parameter isSent: whether it is there; asked while nothing can begin or end, since between a look before and this
    ///   one the first request may have come to its end.
    func append(
        _ batch: LogBatch, transaction: String, to log: any EventLog, unless isSent: () throws -> Bool
    ) async throws {
        let shard = shards[Int(UInt(bitPattern: transaction.hashValue) % UInt(shards.count))]
        let (append, isFirst) = try shard.pending.withLock { pending -> (PendingAppend?, Bool) in
            if let earlier = pending[transaction] { return (earlier, false) }
            if try isSent() { return (nil, false) }
            let append = PendingAppend(batch, to: log)
            pending[transaction] = append
            return (append, true)
        }
        guard let append else { return }
        defer { if isFirst { shard.pending.withLock { $0[transaction] = nil } } }
        _ = try await append.value()
    }
}
