import KeyValueStore

/// What the writer thread knows about the log's end. Only that thread has it.
struct WriterState {
    var head: UInt64
    var chain: Hash32
    var epoch: UInt32
    var checkpoint: LogMeta.Checkpoint
    let versions = StreamVersions()
}

/// Versions of the streams that were written lately.
///
/// An object, so that each commit changes it where it is: as a value it would be copied whole while a plan still holds it.
// SAFETY: only the writer's thread reads and changes it; a plan that is handed on is asked for its records only.
final class StreamVersions: @unchecked Sendable {
    // SAFETY: as above.
    private var versions: [StreamID: UInt64] = [:]

    /// More streams than this are looked up again.
    private static let most = 50_000

    subscript(stream: StreamID) -> UInt64? { versions[stream] }

    func take(_ changes: [StreamID: UInt64]) {
        if versions.count + changes.count > Self.most { versions.removeAll(keepingCapacity: true) }
        for (stream, version) in changes { versions[stream] = version }
    }
}

/// The records of one commit with their positions, versions, chain hashes and headers.
///
/// Planning touches nothing, so a commit that fails leaves the writer's state as it was.
struct GroupPlan {
    /// A batch and the place of its first record among those of the group.
    private struct Segment {
        let prepared: PreparedBatch
        let start: Int
    }

    /// Where a record got to.
    private struct Place {
        var streamVersion: UInt64
        var chain: Hash32
    }

    private let storage: LogStorage
    let wallTimeMs: Int64
    private let base: UInt64
    private(set) var head: UInt64
    private(set) var chain: Hash32
    let epoch: UInt32
    private var segments: [Segment] = []
    private var places: [Place] = []
    /// Versions after this group of the streams it touches.
    private var versions: [StreamID: UInt64] = [:]
    private let known: StreamVersions
    /// For each record its key, then its header.
    private var headers: [UInt8] = []
    private static let stride = 8 + RecordLayout.headerSize

    init(storage: LogStorage, state: WriterState, wallTimeMs: Int64) {
        self.storage = storage
        self.wallTimeMs = wallTimeMs
        base = state.head
        head = state.head
        chain = state.chain
        epoch = state.epoch
        known = state.versions
    }

    var isEmpty: Bool { places.isEmpty }

    func version(of stream: StreamID) throws -> UInt64 {
        if stream.kind == .none { return 0 }
        if let version = versions[stream] ?? known[stream] { return version }
        return try storage.streamVersion(of: stream)
    }

    /// Places a batch unless a stream has another version than it expects.
    mutating func add(_ prepared: PreparedParts) throws(AppendFault) -> ClosedRange<LogPosition> {
        let start = head
        do {
            for expectation in prepared.expected {
                let actual = try version(of: expectation.stream)
                if actual != expectation.version { throw AppendFault.conflict(expectation.stream, actual: actual) }
            }
            // Look all versions up first, so that a fault half-way leaves no record behind.
            for part in prepared.all {
                for stream in part.streams where stream.kind != .none && versions[stream] == nil {
                    versions[stream] = try version(of: stream)
                }
            }
            for part in prepared.all { place(part) }
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

    private mutating func place(_ prepared: PreparedBatch) {
        var counts = prepared.streams.map { versions[$0] ?? 0 }
        let start = places.count
        segments.append(Segment(prepared: prepared, start: start))
        places.reserveCapacity(start + prepared.entries.count)
        var filled: [UInt8] = []
        swap(&filled, &headers)
        filled.append(contentsOf: repeatElement(0, count: prepared.entries.count * Self.stride))
        let numbered = prepared.streams.map { $0.kind != .none }
        let kinds = prepared.streams.map(\.kind.rawValue)
        filled.withUnsafeMutableBytes { headers in
            prepared.texts.withUnsafeBytes { texts in
                var offset = start * Self.stride
                for entry in prepared.entries {
                    let stream = Int(entry.stream)
                    if numbered[stream] { counts[stream] += 1 }
                    head += 1
                    let streamVersion = numbered[stream] ? counts[stream] : 0
                    fill(
                        UnsafeMutableRawBufferPointer(rebasing: headers[offset..<(offset + Self.stride)]), entry,
                        kinds[stream], streamVersion,
                        UnsafeRawBufferPointer(
                            rebasing: texts[entry.textsOffset..<(entry.textsOffset + entry.textsCount)]))
                    places.append(Place(streamVersion: streamVersion, chain: chain))
                    offset += Self.stride
                }
            }
        }
        swap(&filled, &headers)
        for (stream, version) in zip(prepared.streams, counts) where stream.kind != .none { versions[stream] = version }
    }

    /// Writes key and header of the record at `head` and moves the chain on.
    private mutating func fill(
        _ buffer: UnsafeMutableRawBufferPointer, _ entry: PreparedBatch.Entry, _ streamKind: UInt8,
        _ streamVersion: UInt64, _ texts: UnsafeRawBufferPointer
    ) {
        typealias Layout = RecordLayout
        buffer.storeBytes(of: head.bigEndian, toByteOffset: 0, as: UInt64.self)
        let header = UnsafeMutableRawBufferPointer(rebasing: buffer[8...])
        header[Layout.formatOffset] = Layout.format
        header[Layout.flagsOffset] = entry.flags
        header.storeBytes(of: entry.dictionary.bigEndian, toByteOffset: Layout.dictionaryOffset, as: UInt16.self)
        header.storeBytes(of: entry.bodySize.bigEndian, toByteOffset: Layout.bodySizeOffset, as: UInt32.self)
        header.storeBytes(of: entry.kind.bigEndian, toByteOffset: Layout.kindOffset, as: UInt16.self)
        header[Layout.versionOffset] = entry.version
        header[Layout.streamKindOffset] = streamKind
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
    }

    /// Puts everything into the store; can be run again when the map had to grow.
    func store(_ transaction: borrowing WriteTransaction) throws(StoreFault) {
        for segment in segments {
            let appended = headers.withUnsafeBytes { headers in
                segment.prepared.bytes.withUnsafeBytes { bytes in
                    append(segment, headers, bytes, transaction)
                }
            }
            try appended.get()
        }
        for (stream, version) in versions {
            try transaction.put(storage.streams, LogStorage.streamKey(stream), StoreKey(version))
        }
    }

    private func append(
        _ segment: Segment, _ headers: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer,
        _ transaction: borrowing WriteTransaction
    ) -> Result<Void, StoreFault> {
        var offset = segment.start * Self.stride
        for entry in segment.prepared.entries {
            do throws(StoreFault) {
                try transaction.appendJoined(
                    storage.records,
                    UnsafeRawBufferPointer(rebasing: headers[offset..<(offset + 8)]),
                    UnsafeRawBufferPointer(rebasing: headers[(offset + 8)..<(offset + Self.stride)]),
                    UnsafeRawBufferPointer(rebasing: bytes[entry.offset..<(entry.offset + entry.count)]))
            } catch {
                return .failure(error)
            }
            offset += Self.stride
        }
        return .success(())
    }

    /// The writer's state once the commit has succeeded.
    func advance(_ state: inout WriterState) {
        state.head = head
        state.chain = chain
        state.versions.take(versions)
    }

    /// The group's records as readers see them.
    func records() -> [EventRecord] {
        var records: [EventRecord] = []
        records.reserveCapacity(places.count)
        for segment in segments {
            for (index, entry) in segment.prepared.entries.enumerated() {
                let place = places[segment.start + index]
                records.append(
                    EventRecord(
                        position: LogPosition(rawValue: base + UInt64(segment.start + index) + 1), epoch: UInt64(epoch),
                        wallTimeMs: wallTimeMs, streamVersion: place.streamVersion,
                        record: segment.prepared.batch.records[segment.prepared.range.lowerBound + index],
                        digest: entry.digest, chain: place.chain))
            }
        }
        return records
    }
}
