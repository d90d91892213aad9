/// A record that is to be appended; the log adds position, time, stream version, digest and chain hash.
package struct NewRecord: Sendable {
    package let kind: RecordKind
    /// Version of the payload's format.
    package let version: UInt8
    package let stream: StreamID
    /// Who did it: a user ID, or empty.
    package let actor: String
    /// What caused it: a request id, an origin.
    package let cause: String
    package let payload: [UInt8]

    package init(
        kind: RecordKind, version: UInt8, stream: StreamID, actor: String, cause: String, payload: [UInt8]
    ) {
        self.kind = kind
        self.version = version
        self.stream = stream
        self.actor = actor
        self.cause = cause
        self.payload = payload
    }
}

/// Records that become durable together or not at all.
package struct LogBatch: Sendable {
    package let records: [NewRecord]
    /// The versions that streams must have for the batch to be appended.
    package let expected: [(stream: StreamID, version: UInt64)]

    package init(records: [NewRecord], expected: [(StreamID, UInt64)]) {
        self.records = records
        self.expected = expected.map { (stream: $0.0, version: $0.1) }
    }
}

/// Where a batch came to lie.
package struct AppendReceipt: Sendable, Hashable {
    package let positions: ClosedRange<LogPosition>
    package let wallTimeMs: Int64

    package init(positions: ClosedRange<LogPosition>, wallTimeMs: Int64) {
        self.positions = positions
        self.wallTimeMs = wallTimeMs
    }
}
