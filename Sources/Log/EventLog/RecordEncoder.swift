import KeyValueStore

/// A batch with everything done that needs no position: compressed, salted, digested.
final class PreparedBatch: Sendable {
    /// One record's part of `bytes`, which begins with its salt.
    struct Entry: Sendable {
        var digest: Hash32
        var offset: Int
        var count: Int
        var crc: UInt32
        var flags: UInt8
        var dictionary: UInt16
        var bodySize: UInt32
        var textsOffset: Int
        var textsCount: Int
    }

    let batch: LogBatch
    let entries: [Entry]
    /// Salt and body of each record.
    let bytes: [UInt8]
    /// Stream name, actor and cause of each record, framed.
    let texts: [UInt8]

    init(batch: LogBatch, entries: [Entry], bytes: [UInt8], texts: [UInt8]) {
        self.batch = batch
        self.entries = entries
        self.bytes = bytes
        self.texts = texts
    }

    var storedBytes: Int { bytes.count + entries.count * RecordLayout.headerSize }
}

/// Encodes records, on whichever thread calls.
struct RecordEncoder: Sendable {
    let rooms: CompressionRooms
    let dictionary: UInt16
    let randomBytes: @Sendable (Int) -> [UInt8]

    /// The largest batch, in records and in bytes before compression.
    static let largestBatch = 65_536
    static let largestBatchBytes = 64 << 20

    func prepare(_ batch: LogBatch) throws(AppendFault) -> PreparedBatch {
        try Self.check(batch)
        let count = batch.records.count
        let salts = randomBytes(count * RecordLayout.saltSize)
        guard salts.count == count * RecordLayout.saltSize else { throw .tooLarge }
        var entries: [PreparedBatch.Entry] = []
        entries.reserveCapacity(count)
        let payloadBytes = batch.records.reduce(0) { $0 + $1.payload.count }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * 128 + payloadBytes / 2)
        var texts = ByteWriter(capacity: count * 64)
        var body: [UInt8] = []
        rooms.withRoom { room in
            for (index, record) in batch.records.enumerated() {
                let textsOffset = texts.count
                texts.writeFramed(record.stream.name)
                texts.writeFramed(record.actor)
                texts.writeFramed(record.cause)
                body.removeAll(keepingCapacity: true)
                body.append(contentsOf: texts.bytes[textsOffset...])
                body.append(contentsOf: record.payload)
                let offset = bytes.count
                let saltRange = (index * RecordLayout.saltSize)..<((index + 1) * RecordLayout.saltSize)
                bytes.append(contentsOf: salts[saltRange])
                let digest = Self.digest(record.payload, salts, saltRange)
                let form = append(body, to: &bytes, room)
                let crc = bytes.withUnsafeBytes { RecordLayout.crc(0, UnsafeRawBufferPointer(rebasing: $0[offset...])) }
                entries.append(
                    PreparedBatch.Entry(
                        digest: digest, offset: offset, count: bytes.count - offset, crc: crc, flags: form.flags,
                        dictionary: form.dictionary, bodySize: UInt32(truncatingIfNeeded: body.count),
                        textsOffset: textsOffset, textsCount: texts.count - textsOffset))
            }
        }
        return PreparedBatch(batch: batch, entries: entries, bytes: bytes, texts: texts.bytes)
    }

    /// Appends the stored form of a body: compressed when that is smaller.
    private func append(
        _ body: [UInt8], to bytes: inout [UInt8], _ room: CompressionRoom?
    ) -> (flags: UInt8, dictionary: UInt16) {
        body.withUnsafeBytes { body in
            if let compressed = room?.compress(body) {
                bytes.append(contentsOf: compressed)
                return (RecordLayout.isCompressed, dictionary)
            }
            bytes.append(contentsOf: body)
            return (0, 0)
        }
    }

    /// The stored form of an erased record: its header, digest and chain stay, its salt becomes zero.
    func erased(_ stored: StoredRecord, texts: UnsafeRawBufferPointer, replacement: [UInt8]) -> [UInt8] {
        var value = Array(stored.bytes[..<RecordLayout.headerSize])
        value.append(contentsOf: repeatElement(0, count: RecordLayout.saltSize))
        let body = Array(texts) + replacement
        let form = rooms.withRoom { append(body, to: &value, $0) }
        value.withUnsafeMutableBytes { value in
            value[RecordLayout.flagsOffset] = form.flags | RecordLayout.isErased
            value.storeBytes(of: form.dictionary.bigEndian, toByteOffset: RecordLayout.dictionaryOffset, as: UInt16.self)
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

    private static func digest(_ payload: [UInt8], _ salts: [UInt8], _ salt: Range<Int>) -> Hash32 {
        payload.withUnsafeBytes { payload in
            salts.withUnsafeBytes { salts in
                Hash32.digest(payload: payload, salt: UnsafeRawBufferPointer(rebasing: salts[salt]))
            }
        }
    }

    private static func check(_ batch: LogBatch) throws(AppendFault) {
        guard batch.records.count <= largestBatch else { throw .tooLarge }
        var bytes = 0
        for record in batch.records {
            bytes += record.payload.count
            guard record.payload.count <= NewRecord.largestPayload, bytes <= largestBatchBytes,
                record.stream.name.utf8.count <= StreamID.longestName, record.actor.utf8.count <= 4096,
                record.cause.utf8.count <= 4096
            else { throw .tooLarge }
        }
    }
}
