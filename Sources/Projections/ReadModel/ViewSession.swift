import Glibc
import KeyValueStore

/// Decides whether the tables of an earlier run may be used.
///
/// Their commits are not synced. After a crash of the process alone the operating system still holds every page, so they
/// are whole; after a crash of the machine they may be torn in ways that no check finds. So the directory has a file that
/// says `clean` or names the boot during which the tables were open: if that boot is over, they are deleted.
package struct ViewSession: Sendable {
    private let path: String
    /// The tables of an earlier run were deleted.
    package let discardedUntrusted: Bool

    /// The running kernel's boot, from `/proc/sys/kernel/random/boot_id`; empty when it cannot be told.
    package static func currentBootID() -> String {
        let text = readFile("/proc/sys/kernel/random/boot_id") ?? []
        return String(decoding: text.prefix { $0 > 0x20 }, as: UTF8.self)
    }

    package init(directory: String, bootID: String) throws {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw StoreFault(code: .io(errno), operation: "making the directory", path: directory)
        }
        path = directory + "/session"
        let hasTables = access(directory + "/data.mdb", F_OK) == 0
        let mark = Self.readFile(path).map { String(decoding: $0.prefix { $0 > 0x20 }, as: UTF8.self) }
        let isTrusted = mark == "clean" || (!bootID.isEmpty && mark == bootID)
        discardedUntrusted = hasTables && !isTrusted
        if discardedUntrusted {
            for name in ["data.mdb", "lock.mdb"] {
                if unlink(directory + "/" + name) != 0, errno != ENOENT {
                    throw StoreFault(code: .io(errno), operation: "deleting untrusted tables", path: directory)
                }
            }
        }
        try Self.writeFile(path, bootID.isEmpty ? "unknown" : bootID, directory: directory)
    }

    /// Call after a successful sync of the tables.
    package func markClean() throws {
        try Self.writeFile(path, "clean", directory: path)
    }

    private static func readFile(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &buffer, buffer.count)
        return count < 0 ? nil : Array(buffer.prefix(count))
    }

    /// Replaces the file in one step, so that a crash leaves the old or the new text.
    private static func writeFile(_ path: String, _ text: String, directory: String) throws {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        func fail() -> StoreFault {
            StoreFault(code: .io(errno), operation: "writing the session mark", path: directory)
        }
        guard descriptor >= 0 else { throw fail() }
        defer { close(descriptor) }
        let bytes = Array((text + "\n").utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
            rename(temporary, path) == 0
        else { throw fail() }
        let parent = open(String(path.dropLast("session".count)), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw fail() }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw fail() }
    }
}
