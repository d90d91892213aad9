package import KeyValueStore

/// Why a batch was not appended. Nothing of it is in the log then, except after ``projection(_:)``.
package enum AppendFault: Error, Sendable, CustomStringConvertible {
    /// A stream has another version than the batch was decided on.
    case conflict(StreamID, actual: UInt64)
    /// Too much is waiting; try again later.
    case queueFull
    /// The disk or the map is full, or worse; the fault says what to do.
    case storage(StoreFault)
    case closed
    /// A payload is larger than the log takes.
    case tooLarge
    /// The batch is durable, but a projection could not apply it and has halted.
    case projection(String)

    package var description: String {
        switch self {
        case .conflict(let stream, let actual): "\(stream) is at version \(actual), not at the expected one"
        case .queueFull: "too many writes are waiting"
        case .storage(let fault): fault.description
        case .closed: "the log is closed"
        case .tooLarge: "the record is too large"
        case .projection(let reason): "a projection has halted: \(reason)"
        }
    }
}

/// The log as the floors above see it, whatever engine is below.
package protocol EventLog: Sendable {
    /// Hands a batch over; the order of calls is the order in the log. The completion is called once, when the batch is durable
    /// and readable, on a thread of the log's: it must be quick.
    func enqueue(_ batch: LogBatch, completion: @escaping @Sendable (Result<AppendReceipt, AppendFault>) -> Void)
    /// The last position that is durable.
    var durableHead: LogPosition { get }
    /// The number of records of a stream that are durable.
    func streamVersion(of stream: StreamID) throws -> UInt64
    /// The record at a position, nil when there is none.
    func record(at position: LogPosition) throws -> EventRecord?
    /// Up to `limit` records from a position on, in order.
    func read(from position: LogPosition, limit: Int) throws -> [EventRecord]
}

extension EventLog {
    /// Appends a batch; returns when it is durable and readable.
    package func append(_ batch: LogBatch) async throws -> AppendReceipt {
        try await withCheckedThrowingContinuation { continuation in
            enqueue(batch) { continuation.resume(with: $0.mapError { $0 as any Error }) }
        }
    }
}
