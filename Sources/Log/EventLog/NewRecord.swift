/// A record before the log has given it a place.
package struct NewRecord: Sendable {
    package var kind: RecordKind
    /// The version of the payload's format; readers bring old ones up to date with upcasters.
    package var version: UInt8
    package var stream: StreamID
    /// Who caused it, as a user or server name; may be empty.
    package var actor: String
    /// The request, origin or transaction it came from; may be empty.
    package var cause: String
    package var payload: [UInt8]

    package init(
        kind: RecordKind, version: UInt8 = 1, stream: StreamID, actor: String = "", cause: String = "",
        payload: [UInt8]
    ) {
        self.kind = kind
        self.version = version
        self.stream = stream
        self.actor = actor
        self.cause = cause
        self.payload = payload
    }

    /// The largest payload of one record.
    package static let largestPayload = 16 << 20
    /// The longest actor or cause, in UTF-8 bytes.
    package static let longestText = 4096
}

/// Records that are appended together or not at all.
package struct LogBatch: Sendable {
    package var records: [NewRecord]
    /// The version each named stream must have before the batch; 0 for a stream that must not exist yet.
    package var expected: [(stream: StreamID, version: UInt64)]

    package init(records: [NewRecord], expected: [(stream: StreamID, version: UInt64)] = []) {
        self.records = records
        self.expected = expected
    }
}

/// What the log answers once a batch is durable and readable.
package struct AppendReceipt: Sendable, Hashable {
    /// The places of the batch's records, in order. For an empty batch, the head.
    package let positions: ClosedRange<LogPosition>
    package let wallTimeMs: Int64

    package init(positions: ClosedRange<LogPosition>, wallTimeMs: Int64) {
        self.positions = positions
        self.wallTimeMs = wallTimeMs
    }
}
