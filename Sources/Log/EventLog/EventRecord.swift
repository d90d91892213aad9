/// A record as the log holds it.
package struct EventRecord: Sendable {
    package let position: LogPosition
    /// How often the log had been restored into the past when the record was written, counted from 1.
    package let epoch: UInt64
    package let wallTimeMs: Int64
    package let kind: RecordKind
    package internal(set) var version: UInt8
    package let stream: StreamID
    /// The record's number in its stream, dense from 1; 0 in no stream.
    package let streamVersion: UInt64
    package let actor: String
    package let cause: String
    /// The payload; of an erased record what was left in its place, if anything.
    package internal(set) var payload: [UInt8]
    package let isErased: Bool
    let digest: Hash32
    let chain: Hash32

    package var payloadDigest: [UInt8] { digest.bytes }
    /// Hash of this record's header and of the chain before it.
    package var chainHash: [UInt8] { chain.bytes }

    init(
        position: LogPosition, epoch: UInt64, wallTimeMs: Int64, streamVersion: UInt64, record: NewRecord,
        isErased: Bool = false, digest: Hash32, chain: Hash32
    ) {
        self.position = position
        self.epoch = epoch
        self.wallTimeMs = wallTimeMs
        kind = record.kind
        version = record.version
        stream = record.stream
        self.streamVersion = streamVersion
        actor = record.actor
        cause = record.cause
        payload = record.payload
        self.isErased = isErased
        self.digest = digest
        self.chain = chain
    }

    /// For tests of what applies records: a record that no log holds; its hashes are zero.
    package init(position: LogPosition, epoch: UInt64 = 1, wallTimeMs: Int64, streamVersion: UInt64, record: NewRecord)
    {
        self.init(
            position: position, epoch: epoch, wallTimeMs: wallTimeMs, streamVersion: streamVersion, record: record,
            digest: .zero, chain: .zero)
    }
}
