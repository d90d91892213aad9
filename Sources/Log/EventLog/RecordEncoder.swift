import Glibc

/// A batch with everything done that needs no position: compressed, salted, digested.
final class PreparedBatch: Sendable {
    /// What the writer thread needs of one record; `offset` and `count` are its part of `bytes`.
    struct Entry: Sendable {
        var digest: Hash32
        var offset: Int
        var count: Int
        var textsOffset: Int
        var textsCount: Int
        var crc: UInt32
        var bodySize: UInt32
        var stream: Int32
        var kind: UInt16
        var dictionary: UInt16
        var version: UInt8
        var flags: UInt8
    }

    let batch: LogBatch
    /// Which of the batch's records these are.
    let range: Range<Int>
    let entries: [Entry]
    /// The streams of the records, each once; entries refer to them by index.
    let streams: [StreamID]
    /// Salt and body of each record.
    let bytes: [UInt8]
    /// Stream name, actor and cause of each record, framed.
    let texts: [UInt8]

    init(batch: LogBatch, range: Range<Int>, entries: [Entry], streams: [StreamID], bytes: [UInt8], texts: [UInt8]) {
        self.batch = batch
        self.range = range
        self.entries = entries
        self.streams = streams
        self.bytes = bytes
        self.texts = texts
    }

    var storedBytes: Int { bytes.count + entries.count * RecordLayout.headerSize }
}

/// A batch encoded in one part or, when it is large, in several at once.
struct PreparedParts: Sendable {
    let expected: [(stream: StreamID, version: UInt64)]
    let all: [PreparedBatch]

    init(_ only: PreparedBatch) {
        expected = only.batch.expected
        all = [only]
    }

    init(expected: [(stream: StreamID, version: UInt64)], parts: [PreparedBatch]) {
        self.expected = expected
        all = parts
    }

    var storedBytes: Int { all.reduce(0) { $0 + $1.storedBytes } }
}

/// Encodes records, on whichever thread calls.
struct RecordEncoder: Sendable {
    /// Rooms that compress well, rooms that compress fast, and the dictionary both use.
    let compression: Compression
    let randomBytes: @Sendable (Int) -> [UInt8]

    /// The largest batch, in records and in bytes before compression.
    static let largestBatch = 65_536
    static let largestBatchBytes = 64 << 20

    /// A batch of so many records is encoded by several threads.
    static let sharedFrom = 64
    private static let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// Encodes a batch with as many tasks as there are processors.
    func prepareShared(_ batch: LogBatch) async throws(AppendFault) -> PreparedParts {
        let count = batch.records.count
        guard count >= Self.sharedFrom, Self.processors > 1 else { return PreparedParts(try prepare(batch)) }
        let payloadBytes = try Self.check(batch)
        let size = max((count + Self.processors - 1) / Self.processors, Self.sharedFrom / 2)
        let parts = await withTaskGroup(of: (Int, Result<PreparedBatch, AppendFault>).self) { group in
            for start in stride(from: 0, to: count, by: size) {
                group.addTask {
                    let range = start..<min(start + size, count)
                    do throws(AppendFault) {
                        return (start, .success(try prepare(batch, range, payloadBytes: payloadBytes)))
                    } catch {
                        return (start, .failure(error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var prepared: [PreparedBatch] = []
        for part in parts.sorted(by: { $0.0 < $1.0 }) { prepared.append(try part.1.get()) }
        return PreparedParts(expected: batch.expected, parts: prepared)
    }

    func prepare(_ batch: LogBatch) throws(AppendFault) -> PreparedBatch {
        try prepare(batch, 0..<batch.records.count, payloadBytes: try Self.check(batch))
    }

    /// - Parameter payloadBytes: the bytes of the whole batch's payloads, of which this may be a part.
    private func prepare(
        _ batch: LogBatch, _ range: Range<Int>, payloadBytes: Int
    ) throws(AppendFault) -> PreparedBatch {
        let count = range.count
        let salts = randomBytes(count * RecordLayout.saltSize)
        guard salts.count == count * RecordLayout.saltSize else { throw .tooLarge }
        var entries: [PreparedBatch.Entry] = []
        entries.reserveCapacity(count)
        var streams = StreamNumbers()
        var texts: [UInt8] = []
        texts.reserveCapacity(count * 72)
        var bytes: [UInt8] = []
        salts.withUnsafeBytes { salts in
            // Through the buffer, so that no record is copied and counted.
            batch.records.withUnsafeBufferPointer { records in
                compression.withRoom(batchBytes: payloadBytes) { room, isCompressing in
                    let share = payloadBytes / max(records.count, 1) * count
                    bytes.reserveCapacity(count * 128 + (isCompressing ? share * 5 / 8 : share))
                    var digests = PayloadDigests()
                    for index in range {
                        let digest = digests.next(index, of: records, range, salts: salts)
                        let start = (index - range.lowerBound) * RecordLayout.saltSize
                        let salt = UnsafeRawBufferPointer(rebasing: salts[start..<(start + RecordLayout.saltSize)])
                        let body = room.frame(records[index])
                        let form = stored(body.bytes, isCompressing ? room : nil)
                        entries.append(
                            PreparedBatch.Entry(
                                digest: digest, offset: bytes.count,
                                count: RecordLayout.saltSize + form.bytes.count, textsOffset: texts.count,
                                textsCount: body.texts.count,
                                crc: RecordLayout.crc(RecordLayout.crc(0, salt), form.bytes),
                                bodySize: UInt32(truncatingIfNeeded: body.bytes.count),
                                stream: streams.number(records[index].stream),
                                kind: records[index].kind.rawValue, dictionary: form.dictionary,
                                version: records[index].version, flags: form.flags))
                        texts.append(contentsOf: body.texts)
                        bytes.append(contentsOf: salt)
                        bytes.append(contentsOf: form.bytes)
                    }
                }
            }
        }
        return PreparedBatch(
            batch: batch, range: range, entries: entries, streams: streams.all, bytes: bytes, texts: texts)
    }

    /// The stored form of a body: compressed when that is smaller.
    private func stored(
        _ body: UnsafeRawBufferPointer, _ room: CompressionRoom?
    ) -> (bytes: UnsafeRawBufferPointer, flags: UInt8, dictionary: UInt16) {
        if let compressed = room?.compress(body) {
            return (compressed, RecordLayout.isCompressed, compression.dictionary)
        }
        return (body, 0, 0)
    }

    /// The stored form of an erased record: its header, digest and chain stay, its salt becomes zero.
    func erased(_ stored: StoredRecord, texts: UnsafeRawBufferPointer, replacement: [UInt8]) -> [UInt8] {
        var value = Array(stored.bytes[..<RecordLayout.headerSize])
        value.append(contentsOf: repeatElement(0, count: RecordLayout.saltSize))
        let body = Array(texts) + replacement
        let form = body.withUnsafeBytes { body in
            compression.withRoom(batchBytes: 0) { room, _ in
                let form = self.stored(body, room)
                value.append(contentsOf: form.bytes)
                return (flags: form.flags, dictionary: form.dictionary)
            }
        }
        value.withUnsafeMutableBytes { value in
            value[RecordLayout.flagsOffset] = form.flags | RecordLayout.isErased
            value.storeBytes(
                of: form.dictionary.bigEndian, toByteOffset: RecordLayout.dictionaryOffset, as: UInt16.self)
            value.storeBytes(
                of: UInt32(truncatingIfNeeded: body.count).bigEndian, toByteOffset: RecordLayout.bodySizeOffset,
                as: UInt32.self)
            let rest = UnsafeRawBufferPointer(rebasing: value[RecordLayout.headerSize...])
            let crc = RecordLayout.crc(
                bodyCRC: RecordLayout.crc(0, rest), position: stored.position, header: UnsafeRawBufferPointer(value))
            value.storeBytes(of: crc.bigEndian, toByteOffset: RecordLayout.crcOffset, as: UInt32.self)
        }
        return value
    }

    /// Checks the limits; answers the bytes of all payloads.
    private static func check(_ batch: LogBatch) throws(AppendFault) -> Int {
        guard batch.records.count <= largestBatch else { throw .tooLarge }
        let bytes = batch.records.withUnsafeBufferPointer { records -> Int? in
            var bytes = 0
            for index in records.indices {
                bytes += records[index].payload.count
                guard records[index].payload.count <= NewRecord.largestPayload, bytes <= largestBatchBytes,
                    records[index].stream.name.utf8.count <= StreamID.longestName,
                    records[index].actor.utf8.count <= NewRecord.longestText,
                    records[index].cause.utf8.count <= NewRecord.longestText
                else { return nil }
            }
            return bytes
        }
        guard let bytes else { throw .tooLarge }
        return bytes
    }

    /// Numbers streams in the order in which they appear.
    private struct StreamNumbers {
        private(set) var all: [StreamID] = []
        private var numbers: [StreamID: Int32] = [:]

        mutating func number(_ stream: StreamID) -> Int32 {
            // Records of one stream often follow each other, and most batches have one stream.
            if let last = all.last, last == stream { return Int32(truncatingIfNeeded: all.count - 1) }
            if let known = numbers[stream] { return known }
            let new = Int32(truncatingIfNeeded: all.count)
            numbers[stream] = new
            all.append(stream)
            return new
        }
    }
}
