package import KeyValueStore

/// How a log is opened for writing.
package struct LogOptions: Sendable {
    package var store: StoreOptions
    /// How many batches may wait before `queueFull`.
    package var queueLimit: Int
    /// A group commit takes at most so many batches …
    package var groupBatches: Int
    /// … and about so many bytes.
    package var groupBytes: Int
    /// A checkpoint is written with the next append after so many records …
    package var checkpointRecords: UInt64
    /// … or so many milliseconds.
    package var checkpointMs: Int64
    /// zstd's level; the negative ones are faster and compress less.
    package var compressionLevel: Int32
    /// Batches of so many payload bytes are compressed faster and less …
    package var fastCompressionFrom: Int
    /// … and batches of so many not at all: a bulk import is bound by the processor.
    package var noCompressionFrom: Int

    package init(
        store: StoreOptions = StoreOptions(mapSize: 256 << 20, maxTables: 16),
        queueLimit: Int = 4096,
        groupBatches: Int = 1024,
        groupBytes: Int = 4 << 20,
        checkpointRecords: UInt64 = 4096,
        checkpointMs: Int64 = 60_000,
        compressionLevel: Int32 = 1,
        fastCompressionFrom: Int = 16 << 10,
        noCompressionFrom: Int = 64 << 10
    ) {
        self.store = store
        self.queueLimit = queueLimit
        self.groupBatches = groupBatches
        self.groupBytes = groupBytes
        self.checkpointRecords = checkpointRecords
        self.checkpointMs = checkpointMs
        self.compressionLevel = compressionLevel
        self.fastCompressionFrom = fastCompressionFrom
        self.noCompressionFrom = noCompressionFrom
    }
}
