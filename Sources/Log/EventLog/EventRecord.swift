/// A record as it lies in the log, decompressed and upcast.
package struct EventRecord: Sendable {
    package let position: LogPosition
    /// Milliseconds since 1970, as the server's clock said.
    package let wallTimeMs: Int64
    package let kind: RecordKind
    package let version: UInt8
    package let stream: StreamID
    /// Dense in its stream, from 1.
    package let streamVersion: UInt64
    package let actor: String
    package let cause: String
    /// What happened. Of an erased record: what is left of it, perhaps nothing.
    package let payload: [UInt8]
    package let isErased: Bool
    /// BLAKE2b-256 of salt and payload as first written.
    package let payloadDigest: [UInt8]
    /// BLAKE2b-256 of the previous chain hash, the header and the digest.
    package let chainHash: [UInt8]

    package init(
        position: LogPosition, wallTimeMs: Int64, kind: RecordKind, version: UInt8, stream: StreamID,
        streamVersion: UInt64, actor: String, cause: String, payload: [UInt8], isErased: Bool = false,
        payloadDigest: [UInt8] = [], chainHash: [UInt8] = []
    ) {
        self.position = position
        self.wallTimeMs = wallTimeMs
        self.kind = kind
        self.version = version
        self.stream = stream
        self.streamVersion = streamVersion
        self.actor = actor
        self.cause = cause
        self.payload = payload
        self.isErased = isErased
        self.payloadDigest = payloadDigest
        self.chainHash = chainHash
    }
}
