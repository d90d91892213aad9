import Glibc

/// Small files that only the owner may read: keys, configuration with secrets.
package enum PrivateFile {
    /// Writes a file whole: a crash leaves the old one or the new one.
    package static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    package static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("create", temporary) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written >= 0 else {
                if errno == EINTR { continue }
                let problem = failure("write", temporary)
                close(descriptor)
                throw problem
            }
            rest = rest.dropFirst(written)
        }
        guard fsync(descriptor) == 0, close(descriptor) == 0, rename(temporary, path) == 0 else {
            throw failure("write", path)
        }
    }

    /// Reads a file whole, refusing one larger than `limit` bytes.
    package static func read(_ path: String, limit: Int = 16 << 20) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("read", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw failure("read", path)
            }
            bytes.append(contentsOf: buffer[0..<count])
            guard bytes.count <= limit else {
                throw DataDirectory.Failure("\(path) is larger than \(limit) bytes; it cannot be what it should be.")
            }
        }
    }

    private static func failure(_ verb: String, _ path: String) -> DataDirectory.Failure {
        DataDirectory.Failure("cannot \(verb) \(path): \(String(cString: strerror(errno))).")
    }
}
