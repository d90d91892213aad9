import KeyValueStore
import Synchronization

/// The log's tables, and how a stored record becomes an `EventRecord`. Shared by the writer and by readers.
final class LogStorage: Sendable {
    let environment: StoreEnvironment
    /// Position -> stored record.
    let records: StoreTable
    /// Stream -> its version. It can be made anew from the records.
    let streams: StoreTable
    /// Number -> zstd dictionary.
    let dictionaries: StoreTable
    /// Reactor -> position it has acted on.
    let cursors: StoreTable
    let meta: StoreTable
    let logID: [UInt8]
    /// What the first record's chain hash follows.
    let genesis: Hash32
    private let upcasters: Upcasters
    private let decompressing = CompressionRooms.decompressing()
    private let loadedDictionaries = Mutex<[UInt16: DecompressionDictionary]>([:])

    static let tableNames = ["records", "streams", "dictionaries", "cursors", "meta"]

    /// Opens the tables; `makeLogID` makes the number of a log that is new, or is nil for a reader.
    init(
        environment: StoreEnvironment, upcasters: Upcasters, makeLogID: (() -> [UInt8])?
    ) throws {
        _ = sodiumIsReady
        self.environment = environment
        self.upcasters = upcasters
        var tables: [StoreTable] = []
        for name in Self.tableNames {
            if makeLogID != nil {
                tables.append(try environment.table(name))
            } else {
                guard let table = try environment.existingTable(name) else {
                    throw LogFault.noLog(environment.directory)
                }
                tables.append(table)
            }
        }
        (records, streams, dictionaries, cursors, meta) = (tables[0], tables[1], tables[2], tables[3], tables[4])
        let metaTable = meta
        if let makeLogID, try environment.read({ try $0.get(metaTable, LogMeta.format) == nil }) {
            let identifier = makeLogID()
            let epoch = LogMeta.Epoch(number: 1, identifier: makeLogID())
            try environment.write { transaction in
                try transaction.put(metaTable, LogMeta.format, StoreKey().appending(LogMeta.currentFormat))
                try transaction.put(metaTable, LogMeta.logID, identifier)
                try transaction.put(metaTable, LogMeta.epoch, epoch.bytes)
            }
        }
        logID = try environment.read { transaction in
            guard let format = try transaction.get(metaTable, LogMeta.format) else {
                throw LogFault.noLog(environment.directory)
            }
            var reader = ByteReader(format)
            let number = try reader.readUInt32()
            guard number <= LogMeta.currentFormat else { throw LogFault.madeByNewer("its format is \(number)") }
            return try transaction.getBytes(metaTable, LogMeta.logID) ?? []
        }
        genesis = Hash32.plain(Array("engram log".utf8) + logID)
    }

    func epoch() throws -> LogMeta.Epoch {
        try environment.read { transaction in
            guard let bytes = try transaction.get(meta, LogMeta.epoch) else {
                throw LogFault.damaged(.none, "the log does not say its epoch")
            }
            return try LogMeta.Epoch(bytes)
        }
    }

    func lastCheckpoint() throws -> LogMeta.Checkpoint {
        try environment.read { transaction in
            try transaction.get(meta, LogMeta.checkpoint).map { try LogMeta.Checkpoint($0) } ?? LogMeta.Checkpoint()
        }
    }

    /// The position a key of `records` stands for.
    static func position(_ key: UnsafeRawBufferPointer) throws -> UInt64 {
        var reader = ByteReader(key)
        let position = try reader.readUInt64()
        try reader.expectEnd()
        return position
    }

    func head() throws -> LogPosition {
        try environment.read { transaction in
            guard let last = try transaction.last(records) else { return .none }
            return LogPosition(rawValue: try Self.position(last.key))
        }
    }

    static func streamKey(_ stream: StreamID) -> StoreKey {
        StoreKey().appending(stream.kind.rawValue).appending(stream.name)
    }

    func streamVersion(of stream: StreamID) throws -> UInt64 {
        guard stream.kind != .none, stream.name.utf8.count <= StreamID.longestName else { return 0 }
        return try environment.read { transaction in
            guard let value = try transaction.get(streams, Self.streamKey(stream)) else { return 0 }
            var reader = ByteReader(value)
            return try reader.readUInt64()
        }
    }

    // MARK: - Decoding

    private func decompressionDictionary(_ number: UInt16) throws -> DecompressionDictionary? {
        if number == 0 { return nil }
        if let loaded = loadedDictionaries.withLock({ $0[number] }) { return loaded }
        let bytes = try environment.read { try $0.getBytes(dictionaries, StoreKey().appending(number)) }
        guard let bytes, let made = DecompressionDictionary(bytes: bytes) else {
            throw LogFault.damaged(.none, "compression dictionary \(number) is missing or damaged")
        }
        loadedDictionaries.withLock { $0[number] = made }
        return made
    }

    /// Lends the decompressed body of a record.
    func withBody<R>(_ stored: StoredRecord, _ body: (RecordBody) throws -> R) throws -> R {
        let place = LogPosition(rawValue: stored.position)
        guard stored.flags & RecordLayout.isCompressed != 0 else {
            guard stored.storedBody.count == stored.bodySize else {
                throw LogFault.damaged(place, "the body has another size than the header says")
            }
            return try body(try RecordBody(stored.storedBody))
        }
        guard stored.bodySize <= NewRecord.largestPayload + (64 << 10) else {
            throw LogFault.damaged(place, "the body is too large")
        }
        let dictionary = try decompressionDictionary(stored.dictionary)
        return try decompressing.withRoom { room in
            guard let bytes = room?.decompress(stored.storedBody, size: stored.bodySize, dictionary: dictionary) else {
                throw LogFault.damaged(place, "the body does not decompress")
            }
            return try body(try RecordBody(bytes))
        }
    }

    /// Takes a stored record apart, checks it and brings its payload up to date.
    func decode(position: UInt64, _ bytes: UnsafeRawBufferPointer, upToDate: Bool = true) throws -> EventRecord {
        let stored = try StoredRecord(position: position, bytes: bytes)
        do {
            guard let streamKind = StreamKind(rawValue: stored.streamKind) else {
                throw LogFault.madeByNewer("record \(position) has stream kind \(stored.streamKind)")
            }
            var record = try withBody(stored) { body in
                EventRecord(
                    position: LogPosition(rawValue: position), epoch: stored.epoch, wallTimeMs: stored.wallTimeMs,
                    streamVersion: stored.streamVersion,
                    record: NewRecord(
                        kind: stored.kind, version: stored.version,
                        stream: StreamID(kind: streamKind, name: try ByteReader.string(body.streamName)),
                        actor: try ByteReader.string(body.actor), cause: try ByteReader.string(body.cause),
                        payload: Array(body.payload)),
                    isErased: stored.isErased, digest: stored.digest, chain: stored.chain)
            }
            if upToDate, !stored.isErased || !record.payload.isEmpty { try upcasters.apply(to: &record) }
            return record
        } catch let fault as LogFault {
            throw fault
        } catch let fault as StoreFault {
            throw fault
        } catch {
            throw LogFault.damaged(LogPosition(rawValue: position), "\(error)")
        }
    }

    func record(at position: LogPosition) throws(LogFault) -> EventRecord? {
        do {
            return try environment.read { transaction in
                guard let bytes = try transaction.get(records, StoreKey(position.rawValue)) else { return nil }
                return try decode(position: position.rawValue, bytes)
            }
        } catch {
            throw LogFault(error)
        }
    }

    /// A chunk of records, ended by number or by size so that no read transaction lasts long.
    func read(from position: LogPosition, limit: Int, bytes limitBytes: Int = 8 << 20) throws(LogFault) -> [EventRecord]
    {
        do {
            return try environment.read { transaction in
                var found: [EventRecord] = []
                var size = 0
                var expected = max(position.rawValue, 1)
                try transaction.forEach(records, from: StoreKey(expected), limit: limit) { key, value in
                    let place = try Self.position(key)
                    guard place == expected else {
                        throw LogFault.damaged(LogPosition(rawValue: expected), "the record is missing")
                    }
                    found.append(try decode(position: place, value))
                    size += found.last?.payload.count ?? 0
                    expected = place &+ 1
                    return size < limitBytes
                }
                return found
            }
        } catch {
            throw LogFault(error)
        }
    }
}
