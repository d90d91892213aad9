import CChecksum
import KeyValueStore

/// Where the parts of a stored record lie; `docs/format/log.md` explains them.
enum RecordLayout {
    static let format: UInt8 = 1

    // Not covered by the chain: an erasure changes them.
    static let formatOffset = 0
    static let flagsOffset = 1
    static let dictionaryOffset = 2
    static let bodySizeOffset = 4
    // Covered by the chain.
    static let kindOffset = 8
    static let versionOffset = 10
    static let streamKindOffset = 11
    static let epochOffset = 12
    static let timeOffset = 16
    static let streamVersionOffset = 24
    static let digestOffset = 32
    // The chain itself and what guards the bytes.
    static let chainOffset = 64
    static let crcOffset = 96
    static let headerSize = 100
    static let saltSize = 16
    /// Where the body begins.
    static let bodyOffset = headerSize + saltSize

    static let isErased: UInt8 = 1
    static let isCompressed: UInt8 = 2

    static func crc(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        engram_crc32c(start, bytes.baseAddress, bytes.count)
    }

    /// The checksum of a record at its position, given the one of salt and body.
    static func crc(bodyCRC: UInt32, position: UInt64, header: UnsafeRawBufferPointer) -> UInt32 {
        let withPosition = withUnsafeBytes(of: position.bigEndian) { crc(bodyCRC, $0) }
        return crc(withPosition, UnsafeRawBufferPointer(rebasing: header[..<crcOffset]))
    }

    /// What a link of the chain hashes: the link before, the position, the header's covered part and its strings.
    static func chainHash(
        previous: Hash32, position: UInt64, header: UnsafeRawBufferPointer, texts: UnsafeRawBufferPointer
    ) -> Hash32 {
        let count = 32 + 8 + (chainOffset - kindOffset) + texts.count
        return withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { buffer in
            previous.withBytes { buffer.copyBytes(from: $0) }
            buffer.storeBytes(of: position.bigEndian, toByteOffset: 32, as: UInt64.self)
            UnsafeMutableRawBufferPointer(rebasing: buffer[40...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: header[kindOffset..<chainOffset]))
            UnsafeMutableRawBufferPointer(rebasing: buffer[(40 + chainOffset - kindOffset)...]).copyMemory(from: texts)
            return Hash32.chain(UnsafeRawBufferPointer(buffer))
        }
    }
}

/// A stored record taken apart, borrowing its bytes.
struct StoredRecord {
    let bytes: UnsafeRawBufferPointer
    let position: UInt64

    /// Checks format and checksum.
    init(position: UInt64, bytes: UnsafeRawBufferPointer) throws(LogFault) {
        let place = LogPosition(rawValue: position)
        guard bytes.count >= RecordLayout.bodyOffset else {
            throw .damaged(place, "the record has only \(bytes.count) bytes")
        }
        guard bytes[RecordLayout.formatOffset] <= RecordLayout.format else {
            throw .madeByNewer("record \(position) has format \(bytes[RecordLayout.formatOffset])")
        }
        self.bytes = bytes
        self.position = position
        let rest = UnsafeRawBufferPointer(rebasing: bytes[RecordLayout.headerSize...])
        let crc = RecordLayout.crc(bodyCRC: RecordLayout.crc(0, rest), position: position, header: bytes)
        guard bytes[RecordLayout.formatOffset] == RecordLayout.format,
            crc == UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: RecordLayout.crcOffset, as: UInt32.self))
        else { throw .damaged(place, "the checksum does not match") }
    }

    private func load<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) -> Number {
        Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }

    var flags: UInt8 { bytes[RecordLayout.flagsOffset] }
    var isErased: Bool { flags & RecordLayout.isErased != 0 }
    var dictionary: UInt16 { load(RecordLayout.dictionaryOffset, UInt16.self) }
    var bodySize: Int { Int(load(RecordLayout.bodySizeOffset, UInt32.self)) }
    var kind: RecordKind { RecordKind(rawValue: load(RecordLayout.kindOffset, UInt16.self)) }
    var version: UInt8 { bytes[RecordLayout.versionOffset] }
    var streamKind: UInt8 { bytes[RecordLayout.streamKindOffset] }
    var epoch: UInt64 { UInt64(load(RecordLayout.epochOffset, UInt32.self)) }
    var wallTimeMs: Int64 { load(RecordLayout.timeOffset, Int64.self) }
    var streamVersion: UInt64 { load(RecordLayout.streamVersionOffset, UInt64.self) }
    var digest: Hash32 { hash(RecordLayout.digestOffset) }
    var chain: Hash32 { hash(RecordLayout.chainOffset) }
    var salt: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[RecordLayout.headerSize..<RecordLayout.bodyOffset])
    }
    var storedBody: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[RecordLayout.bodyOffset...]) }

    private func hash(_ offset: Int) -> Hash32 {
        Hash32(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + 32)])) ?? .zero
    }

    /// The chain hash this record must have after `previous`.
    func expectedChain(after previous: Hash32, texts: UnsafeRawBufferPointer) -> Hash32 {
        RecordLayout.chainHash(previous: previous, position: position, header: bytes, texts: texts)
    }
}
