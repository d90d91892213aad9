package import KeyValueStore

/// Makes a new log from a backup's records and tables.
///
/// Nothing is synced before `finish`: until then the directory is worth nothing and has another name.
package final class LogRestorer {
    private let storage: LogStorage
    private let environment: StoreEnvironment
    private var head: UInt64 = 0
    private var chain: Hash32?
    private var versions: [StreamID: UInt64] = [:]
    private var waiting: [(position: UInt64, bytes: [UInt8])] = []

    package init(directory: String) throws {
        let options = StoreOptions(maxTables: 16, durability: .unsynced)
        environment = try StoreEnvironment(directory: directory, options: options)
        var identifier = [UInt8](repeating: 0, count: 16)
        // Replaced by `importTables`; an identifier is only needed for the tables to be there.
        storage = try LogStorage(environment: environment, upcasters: Upcasters()) {
            identifier[0] &+= 1
            return identifier
        }
        guard try storage.head() == .none else {
            throw LogFault.damaged(.first, "there is a log in \(directory) already")
        }
    }

    /// Takes over the tables that `LogReader.exportTables` wrote; before the first record.
    package func importTables(_ bytes: [UInt8]) throws {
        let tables = ["meta": storage.meta, "dictionaries": storage.dictionaries, "cursors": storage.cursors]
        try environment.write { try LogTables.restore(bytes, into: $0, tables) }
        let identifier = try environment.read { try $0.getBytes(storage.meta, LogMeta.logID) ?? [] }
        chain = Hash32.plain(Array("engram log".utf8) + identifier)
    }

    /// Appends a record as stored. It must be the next one and follow the chain.
    package func append(position: LogPosition, stored bytes: some StoreBytes) throws {
        let copy = bytes.withStoreBytes { Array($0) }
        try copy.withUnsafeBytes { bytes in
            let record = try StoredRecord(position: position.rawValue, bytes: bytes)
            guard position.rawValue == head + 1, let previous = chain else {
                throw LogFault.damaged(position, "the backup lacks position \(head + 1)")
            }
            try storage.withBody(record) { body in
                guard record.expectedChain(after: previous, texts: body.texts) == record.chain else {
                    throw LogFault.damaged(position, "the hash chain is broken")
                }
                if let kind = StreamKind(rawValue: record.streamKind), kind != .none {
                    let stream = StreamID(kind: kind, name: try ByteReader.string(body.streamName))
                    versions[stream] = record.streamVersion
                }
            }
            chain = record.chain
        }
        head = position.rawValue
        waiting.append((head, copy))
        if waiting.count >= 1024 { try flush() }
    }

    private func flush() throws {
        try environment.write { transaction in
            for (position, bytes) in waiting {
                try transaction.put(storage.records, StoreKey(position), bytes, append: true)
            }
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// Opens a new epoch, syncs and closes.
    package func finish(
        openingEpochBecause reason: String, wallTimeMs: Int64, randomBytes: @escaping @Sendable (Int) -> [UInt8]
    ) throws {
        try flush()
        guard let chain else { throw LogFault.damaged(.none, "the backup's tables are missing") }
        let epoch = try nextEpoch(randomBytes)
        let opening = EpochOpening(number: UInt64(epoch.number), identifier: epoch.identifier, reason: reason)
        let encoder = RecordEncoder(
            compression: Compression(dictionary: nil, options: LogOptions()), randomBytes: randomBytes)
        let record = NewRecord(kind: .epochOpened, stream: .none, payload: opening.bytes)
        let state = WriterState(
            head: head, chain: chain, epoch: epoch.number, checkpoint: LogMeta.Checkpoint())
        var plan = GroupPlan(storage: storage, state: state, wallTimeMs: wallTimeMs)
        _ = try plan.add(PreparedParts(try encoder.prepare(LogBatch(records: [record]))))
        let last = head
        try environment.write { transaction in
            try plan.store(transaction)
            for (stream, version) in versions {
                try transaction.put(storage.streams, LogStorage.streamKey(stream), StoreKey(version))
            }
            try transaction.put(storage.meta, LogMeta.epoch, epoch.bytes)
            // The next append writes a checkpoint of what is now the log.
            try transaction.put(storage.meta, LogMeta.checkpoint, LogMeta.Checkpoint().bytes)
            try clampCursors(transaction, to: last)
        }
        try environment.sync(force: true)
        environment.close()
    }

    private func nextEpoch(_ randomBytes: (Int) -> [UInt8]) throws -> LogMeta.Epoch {
        let current = try storage.epoch()
        return LogMeta.Epoch(number: current.number &+ 1, identifier: randomBytes(16))
    }

    /// A reactor that had acted on what is lost goes on at the restored head.
    private func clampCursors(_ transaction: borrowing WriteTransaction, to last: UInt64) throws {
        var ahead: [[UInt8]] = []
        try transaction.forEach(storage.cursors) { key, value in
            if try LogStorage.position(value) > last { ahead.append(Array(key)) }
            return true
        }
        for name in ahead { try transaction.put(storage.cursors, name, StoreKey(last)) }
    }
}
