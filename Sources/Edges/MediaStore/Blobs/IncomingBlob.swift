import CSodium
import Glibc

/// A blob that is being written: hashed as it comes, deleted if it is never kept.
package final class IncomingBlob {
    let path: String
    private let descriptor: Int32
    private let hash: UnsafeMutableRawPointer
    package private(set) var bytes: Int64 = 0
    private var isInPlace = false

    init(path: String) throws(MediaFault) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .last("beginning a blob") }
        hash = .allocate(byteCount: crypto_generichash_statebytes(), alignment: 64)
        crypto_generichash_init(OpaquePointer(hash), nil, 0, 32)
    }

    deinit {
        close(descriptor)
        hash.deallocate()
        if !isInPlace { unlink(path) }
    }

    package func write(_ content: [UInt8]) throws(MediaFault) {
        crypto_generichash_update(OpaquePointer(hash), content, UInt64(content.count))
        var offset = 0
        while offset < content.count {
            let written = content.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
            }
            if written < 0 {
                if errno == EINTR { continue }
                throw .last("writing a blob")
            }
            offset += written
        }
        bytes += Int64(content.count)
    }

    /// Syncs what was written.
    func finish() throws(MediaFault) -> (name: String, bytes: Int64) {
        guard fsync(descriptor) == 0 else { throw .last("syncing a blob") }
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_generichash_final(OpaquePointer(hash), &digest, 32)
        return (Self.text(digest), bytes)
    }

    func wasMoved() { isInPlace = true }

    /// Hexadecimal digits.
    package static func text(_ digest: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
