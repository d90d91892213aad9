import CSodium
import CZstd
import Glibc

/// Files of stored records in zstd blocks, with the digest of the whole file.
///
/// A block: length before compression and length after it (4 bytes each, big-endian), then the zstd frame. Inside: for each
/// record its position (8 bytes), its length (4 bytes) and its stored bytes.
enum SegmentFile {
    static let blockBytes = 1 << 20
    /// No record and no block may be larger than this when read back: a damaged length must not exhaust memory.
    static let maximumBlockBytes = 64 << 20

    /// BLAKE2b-256 of what comes piece by piece.
    final class Digest {
        private let state: UnsafeMutableRawPointer

        init() {
            state = .allocate(byteCount: crypto_generichash_statebytes(), alignment: 64)
            crypto_generichash_init(OpaquePointer(state), nil, 0, 32)
        }

        deinit { state.deallocate() }

        func update(_ bytes: [UInt8]) { crypto_generichash_update(OpaquePointer(state), bytes, UInt64(bytes.count)) }

        func finish() -> String {
            var out = [UInt8](repeating: 0, count: 32)
            crypto_generichash_final(OpaquePointer(state), &out, 32)
            return Hexadecimal.text(out)
        }
    }

    static func digest(ofFile path: String) throws -> (digest: String, bytes: Int64) {
        let digest = Digest()
        var total: Int64 = 0
        let input = try Input(path: path)
        while let bytes = try input.read(upTo: 1 << 20) {
            digest.update(bytes)
            total += Int64(bytes.count)
        }
        return (digest.finish(), total)
    }

    /// An open file, closed when it goes away.
    final class Input {
        private let descriptor: Int32
        private let path: String

        init(path: String) throws {
            self.path = path
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw DataDirectory.Failure("cannot read \(path): \(String(cString: strerror(errno))).")
            }
        }

        deinit { close(descriptor) }

        /// Up to that many bytes, nil at the end.
        func read(upTo count: Int) throws -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let got = bytes.withUnsafeMutableBytes {
                    Glibc.read(descriptor, $0.baseAddress.map { $0 + filled }, count - filled)
                }
                if got < 0 {
                    if errno == EINTR { continue }
                    throw DataDirectory.Failure("cannot read \(path): \(String(cString: strerror(errno))).")
                }
                if got == 0 { break }
                filled += got
            }
            return filled == 0 ? nil : Array(bytes.prefix(filled))
        }
    }

    /// Calls `body` with each record of a segment, in order.
    static func read(path: String, _ body: (UInt64, ArraySlice<UInt8>) throws -> Void) throws {
        let input = try Input(path: path)
        while let lengths = try input.read(upTo: 8) {
            guard lengths.count == 8 else { throw damaged(path) }
            let plainCount = Int(integer(lengths[0..<4]))
            let packedCount = Int(integer(lengths[4..<8]))
            guard plainCount <= maximumBlockBytes, packedCount <= maximumBlockBytes,
                let packed = try input.read(upTo: packedCount), packed.count == packedCount
            else { throw damaged(path) }
            var plain = [UInt8](repeating: 0, count: plainCount)
            guard ZSTD_decompress(&plain, plainCount, packed, packedCount) == plainCount else { throw damaged(path) }
            var rest = plain[...]
            while !rest.isEmpty {
                guard rest.count >= 12 else { throw damaged(path) }
                let position = integer(rest.prefix(8))
                let length = Int(integer(rest.dropFirst(8).prefix(4)))
                rest = rest.dropFirst(12)
                guard rest.count >= length else { throw damaged(path) }
                try body(position, rest.prefix(length))
                rest = rest.dropFirst(length)
            }
        }
    }

    private static func damaged(_ path: String) -> DataDirectory.Failure {
        DataDirectory.Failure(
            "\(path) is damaged. Use another backup, or restore up to the segment before it with --to.")
    }

    static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    /// Writes a segment block by block.
    final class Output {
        private let path: String
        private let descriptor: Int32
        private var block: [UInt8] = []
        private let digest = Digest()
        private(set) var bytesWritten: Int64 = 0

        init(path: String) throws {
            self.path = path
            descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw DataDirectory.Failure("cannot create \(path): \(String(cString: strerror(errno))).")
            }
            block.reserveCapacity(SegmentFile.blockBytes + (64 << 10))
        }

        deinit { close(descriptor) }

        func append(position: UInt64, stored: UnsafeRawBufferPointer) throws {
            for shift in stride(from: 56, through: 0, by: -8) {
                block.append(UInt8(truncatingIfNeeded: position >> shift))
            }
            let length = UInt32(clamping: stored.count)
            for shift in stride(from: 24, through: 0, by: -8) {
                block.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            block.append(contentsOf: stored)
            if block.count >= SegmentFile.blockBytes { try flush() }
        }

        /// Ends the file, synced; returns its digest.
        func finish() throws -> String {
            try flush()
            guard fsync(descriptor) == 0 else { throw failure() }
            return digest.finish()
        }

        private func flush() throws {
            guard !block.isEmpty else { return }
            var packed = [UInt8](repeating: 0, count: ZSTD_compressBound(block.count))
            let count = ZSTD_compress(&packed, packed.count, block, block.count, 3)
            guard ZSTD_isError(count) == 0 else { throw DataDirectory.Failure("cannot compress a block of \(path).") }
            var out: [UInt8] = []
            out.reserveCapacity(count + 8)
            for length in [UInt32(clamping: block.count), UInt32(clamping: count)] {
                for shift in stride(from: 24, through: 0, by: -8) {
                    out.append(UInt8(truncatingIfNeeded: length >> shift))
                }
            }
            out.append(contentsOf: packed.prefix(count))
            digest.update(out)
            bytesWritten += Int64(out.count)
            var rest = out[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                guard written >= 0 else {
                    if errno == EINTR { continue }
                    throw failure()
                }
                rest = rest.dropFirst(written)
            }
            block.removeAll(keepingCapacity: true)
        }

        private func failure() -> DataDirectory.Failure {
            DataDirectory.Failure("cannot write \(path): \(String(cString: strerror(errno))).")
        }
    }
}
