/// The only truth: records in one order. LMDB alone is one engine; a replicated one can stand behind the same calls.
///
/// Positions are dense from 1. The log writes records of its own too (`RecordKind.isSystem`), which readers pass over.
package protocol EventLog: Sendable {
    /// Appends a batch; returns once it is durable and the projections have applied it.
    func append(_ batch: LogBatch) async throws(AppendFault) -> AppendReceipt

    /// The same without waiting. Batches are appended in the order of the calls; `completion` runs on a thread of the
    /// log and must be quick.
    func enqueue(_ batch: LogBatch, completion: @escaping @Sendable (Result<AppendReceipt, AppendFault>) -> Void)

    /// The last record that is synced to disk.
    var durableHead: LogPosition { get }

    /// Up to `limit` records from `position` on, fewer when they are large, empty only past the head.
    func read(from position: LogPosition, limit: Int) throws(LogFault) -> [EventRecord]

    /// One record, nil past the head.
    func record(at position: LogPosition) throws(LogFault) -> EventRecord?

    /// How many records a stream has, which is the version to expect; 0 for none.
    func streamVersion(of stream: StreamID) throws(LogFault) -> UInt64
}
