import CZstd
import Synchronization

/// A dictionary for writing. zstd: it "can be shared by multiple threads concurrently, since its usage is read-only".
final class CompressionDictionary: @unchecked Sendable {
    // SAFETY: the pointer is set once and only read by zstd afterwards.
    let pointer: OpaquePointer
    let number: UInt16

    init?(number: UInt16, bytes: [UInt8], level: Int32) {
        guard let made = ZSTD_createCDict(bytes, bytes.count, level) else { return nil }
        pointer = made
        self.number = number
    }

    deinit {
        ZSTD_freeCDict(pointer)
    }
}

/// A dictionary for reading.
final class DecompressionDictionary: @unchecked Sendable {
    // SAFETY: as above.
    let pointer: OpaquePointer

    init?(bytes: [UInt8]) {
        guard let made = ZSTD_createDDict(bytes, bytes.count) else { return nil }
        pointer = made
    }

    deinit {
        ZSTD_freeDDict(pointer)
    }
}

/// Room to compress or decompress in, used by one thread at a time.
final class CompressionRoom: @unchecked Sendable {
    // SAFETY: a room is handed to one borrower at a time by `CompressionRooms`.
    private let context: OpaquePointer
    private let isCompressing: Bool
    private var scratch: UnsafeMutableRawBufferPointer

    fileprivate init?(compressingWith dictionary: CompressionDictionary?, level: Int32) {
        guard let made = ZSTD_createCCtx() else { return nil }
        context = made
        isCompressing = true
        scratch = .allocate(byteCount: 4096, alignment: 16)
        // The header of the record says all of this already.
        ZSTD_CCtx_setParameter(made, ZSTD_c_contentSizeFlag, 0)
        ZSTD_CCtx_setParameter(made, ZSTD_c_checksumFlag, 0)
        ZSTD_CCtx_setParameter(made, ZSTD_c_dictIDFlag, 0)
        ZSTD_CCtx_setParameter(made, ZSTD_c_compressionLevel, level)
        if let dictionary { ZSTD_CCtx_refCDict(made, dictionary.pointer) }
    }

    fileprivate init?() {
        guard let made = ZSTD_createDCtx() else { return nil }
        context = made
        isCompressing = false
        scratch = .allocate(byteCount: 4096, alignment: 16)
    }

    deinit {
        if isCompressing { ZSTD_freeCCtx(context) } else { ZSTD_freeDCtx(context) }
        scratch.deallocate()
    }

    fileprivate var size: Int { scratch.count }

    private func makeRoom(_ count: Int) {
        guard scratch.count < count else { return }
        scratch.deallocate()
        scratch = .allocate(byteCount: max(count, 4096), alignment: 16)
    }

    /// Compresses into the room; nil unless the result is smaller.
    func compress(_ source: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        makeRoom(ZSTD_compressBound(source.count))
        let size = ZSTD_compress2(context, scratch.baseAddress, scratch.count, source.baseAddress, source.count)
        guard ZSTD_isError(size) == 0, size < source.count else { return nil }
        return UnsafeRawBufferPointer(rebasing: scratch[..<size])
    }

    /// Decompresses into the room; nil when the bytes are damaged or have another size.
    func decompress(
        _ source: UnsafeRawBufferPointer, size: Int, dictionary: DecompressionDictionary?
    ) -> UnsafeRawBufferPointer? {
        makeRoom(size)
        let found = ZSTD_decompress_usingDDict(
            context, scratch.baseAddress, size, source.baseAddress, source.count, dictionary?.pointer)
        guard ZSTD_isError(found) == 0, found == size else { return nil }
        return UnsafeRawBufferPointer(rebasing: scratch[..<size])
    }
}

/// Idle rooms, so that each thread that needs one finds a warm one.
final class CompressionRooms: Sendable {
    private let idle = Mutex<[CompressionRoom]>([])
    private let make: @Sendable () -> CompressionRoom?

    private init(_ make: @escaping @Sendable () -> CompressionRoom?) {
        self.make = make
    }

    static func compressing(with dictionary: CompressionDictionary?, level: Int32) -> CompressionRooms {
        CompressionRooms { CompressionRoom(compressingWith: dictionary, level: level) }
    }

    static func decompressing() -> CompressionRooms {
        CompressionRooms { CompressionRoom() }
    }

    /// Lends a room; nil only when memory is short.
    func withRoom<R>(_ body: (CompressionRoom?) throws -> R) rethrows -> R {
        let room = idle.withLock { $0.popLast() } ?? make()
        defer {
            // A room that one huge record has stretched is not kept.
            if let room, room.size <= 1 << 20 { idle.withLock { $0.append(room) } }
        }
        return try body(room)
    }
}
