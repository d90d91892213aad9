import KeyValueStore

/// What the writer thread knows about the log's end. Only that thread has it.
struct WriterState {
    var head: UInt64
    var chain: Hash32
    var epoch: UInt32
    var checkpoint: LogMeta.Checkpoint
    /// Versions of streams that were written lately.
    var versions: [StreamID: UInt64] = [:]

    /// More streams than this are looked up again.
    static let rememberedStreams = 50_000
}

/// A record that has got its place in a group.
struct PlacedRecord {
    let prepared: PreparedBatch
    let index: Int
    let position: UInt64
    let streamVersion: UInt64
    let chain: Hash32

    func record(epoch: UInt32, wallTimeMs: Int64) -> EventRecord {
        EventRecord(
            position: LogPosition(rawValue: position), epoch: UInt64(epoch), wallTimeMs: wallTimeMs,
            streamVersion: streamVersion, record: prepared.batch.records[index],
            digest: prepared.entries[index].digest, chain: chain)
    }
}

/// The records of one commit with their positions, versions, chain hashes and headers.
///
/// Planning touches nothing, so a commit that fails leaves the writer's state as it was.
struct GroupPlan {
    private let storage: LogStorage
    let wallTimeMs: Int64
    private(set) var head: UInt64
    private(set) var chain: Hash32
    let epoch: UInt32
    private(set) var placed: [PlacedRecord] = []
    /// Versions after this group of the streams it touches.
    private(set) var versions: [StreamID: UInt64] = [:]
    private let known: [StreamID: UInt64]
    /// For each record its key, then its header.
    private var headers: [UInt8] = []
    private static let stride = 8 + RecordLayout.headerSize

    init(storage: LogStorage, state: WriterState, wallTimeMs: Int64) {
        self.storage = storage
        self.wallTimeMs = wallTimeMs
        head = state.head
        chain = state.chain
        epoch = state.epoch
        known = state.versions
    }

    func version(of stream: StreamID) throws -> UInt64 {
        if stream.kind == .none { return 0 }
        if let version = versions[stream] ?? known[stream] { return version }
        return try storage.streamVersion(of: stream)
    }

    /// Places a batch unless a stream has another version than it expects.
    mutating func add(_ prepared: PreparedBatch) throws(AppendFault) -> ClosedRange<LogPosition> {
        let start = head
        do {
            for expectation in prepared.batch.expected {
                let actual = try version(of: expectation.stream)
                if actual != expectation.version { throw AppendFault.conflict(expectation.stream, actual: actual) }
            }
            try place(prepared)
        } catch let fault as AppendFault {
            throw fault
        } catch let fault as StoreFault {
            throw .storage(fault)
        } catch {
            throw .log(LogFault(error))
        }
        let end = LogPosition(rawValue: head)
        return (head == start ? end : LogPosition(rawValue: start + 1))...end
    }

    private mutating func place(_ prepared: PreparedBatch) throws {
        // Look all versions up first, so that a fault half-way leaves nothing behind.
        for record in prepared.batch.records where record.stream.kind != .none && versions[record.stream] == nil {
            versions[record.stream] = try version(of: record.stream)
        }
        headers.reserveCapacity(headers.count + prepared.entries.count * Self.stride)
        placed.reserveCapacity(placed.count + prepared.entries.count)
        // Records of one stream often follow each other: count them without a look-up each.
        var stream = StreamID.none
        var version: UInt64 = 0
        prepared.texts.withUnsafeBytes { texts in
            for (index, entry) in prepared.entries.enumerated() {
                let record = prepared.batch.records[index]
                if record.stream != stream {
                    if stream.kind != .none { versions[stream] = version }
                    stream = record.stream
                    version = versions[stream] ?? 0
                }
                if stream.kind != .none { version += 1 }
                head += 1
                let ends = entry.textsOffset + entry.textsCount
                place(
                    record, entry, version, UnsafeRawBufferPointer(rebasing: texts[entry.textsOffset..<ends]))
                placed.append(
                    PlacedRecord(
                        prepared: prepared, index: index, position: head, streamVersion: version, chain: chain))
            }
        }
        if stream.kind != .none { versions[stream] = version }
    }

    /// Writes the header of the record at `head` and moves the chain on.
    private mutating func place(
        _ record: NewRecord, _ entry: PreparedBatch.Entry, _ streamVersion: UInt64, _ texts: UnsafeRawBufferPointer
    ) {
        typealias Layout = RecordLayout
        withUnsafeTemporaryAllocation(byteCount: Self.stride, alignment: 8) { buffer in
            buffer.storeBytes(of: head.bigEndian, toByteOffset: 0, as: UInt64.self)
            let header = UnsafeMutableRawBufferPointer(rebasing: buffer[8...])
            header[Layout.formatOffset] = Layout.format
            header[Layout.flagsOffset] = entry.flags
            header.storeBytes(of: entry.dictionary.bigEndian, toByteOffset: Layout.dictionaryOffset, as: UInt16.self)
            header.storeBytes(of: entry.bodySize.bigEndian, toByteOffset: Layout.bodySizeOffset, as: UInt32.self)
            header.storeBytes(of: record.kind.rawValue.bigEndian, toByteOffset: Layout.kindOffset, as: UInt16.self)
            header[Layout.versionOffset] = record.version
            header[Layout.streamKindOffset] = record.stream.kind.rawValue
            header.storeBytes(of: epoch.bigEndian, toByteOffset: Layout.epochOffset, as: UInt32.self)
            header.storeBytes(of: wallTimeMs.bigEndian, toByteOffset: Layout.timeOffset, as: Int64.self)
            header.storeBytes(of: streamVersion.bigEndian, toByteOffset: Layout.streamVersionOffset, as: UInt64.self)
            entry.digest.withBytes {
                UnsafeMutableRawBufferPointer(rebasing: header[Layout.digestOffset...]).copyMemory(from: $0)
            }
            let read = UnsafeRawBufferPointer(header)
            chain = Layout.chainHash(previous: chain, position: head, header: read, texts: texts)
            chain.withBytes {
                UnsafeMutableRawBufferPointer(rebasing: header[Layout.chainOffset...]).copyMemory(from: $0)
            }
            let crc = Layout.crc(bodyCRC: entry.crc, position: head, header: read)
            header.storeBytes(of: crc.bigEndian, toByteOffset: Layout.crcOffset, as: UInt32.self)
            headers.append(contentsOf: buffer)
        }
    }

    /// Puts everything into the store; can be run again when the map had to grow.
    func store(_ transaction: borrowing WriteTransaction) throws {
        try headers.withUnsafeBytes { headers in
            var offset = 0
            for record in placed {
                let entry = record.prepared.entries[record.index]
                let key = UnsafeRawBufferPointer(rebasing: headers[offset..<(offset + 8)])
                let header = UnsafeRawBufferPointer(rebasing: headers[(offset + 8)..<(offset + Self.stride)])
                let size = RecordLayout.headerSize + entry.count
                try transaction.reserve(storage.records, key, size: size, append: true) { room in
                    room.copyMemory(from: header)
                    record.prepared.bytes.withUnsafeBytes { bytes in
                        UnsafeMutableRawBufferPointer(rebasing: room[RecordLayout.headerSize...])
                            .copyMemory(
                                from: UnsafeRawBufferPointer(
                                    rebasing: bytes[entry.offset..<(entry.offset + entry.count)]))
                    }
                }
                offset += Self.stride
            }
        }
        for (stream, version) in versions {
            try transaction.put(storage.streams, LogStorage.streamKey(stream), StoreKey(version))
        }
    }

    /// The writer's state once the commit has succeeded.
    func advance(_ state: inout WriterState) {
        state.head = head
        state.chain = chain
        if state.versions.count + versions.count > WriterState.rememberedStreams {
            state.versions.removeAll(keepingCapacity: true)
        }
        for (stream, version) in versions { state.versions[stream] = version }
    }

    func records() -> [EventRecord] {
        placed.map { $0.record(epoch: epoch, wallTimeMs: wallTimeMs) }
    }
}
