import Glibc
package import HTTPFront
import Synchronization

/// Files named by the hash of their content: what media are made of.
///
/// `blobs/ab/cd/<hash>` are whole and synced before anybody is told of them; `incoming/` has what is being written, and is
/// empty after a start. Who refers to a blob is not known here: the log says, and whoever deletes asks first.
package final class BlobStore: Sendable {
    package let root: String
    /// Reading and writing of media blocks its own threads, never those that serve other requests.
    package let pool: WorkerPool
    /// Blobs that are written and of which the log does not know yet, with how many uploads hold each.
    private let held = Mutex<[String: Int]>([:])
    private let numbers = Atomic<UInt64>(0)

    /// Opens the store, making its directories.
    package init(root: String, threads: Int = 4) throws {
        self.root = root
        pool = try WorkerPool(threads: threads, metrics: MetricsRegistry())
        for name in ["", "/blobs", "/incoming", "/thumbnails"] { try Directories.make(root + name) }
        // Whatever is here was cut off by the end of the process.
        for name in Directories.names(in: root + "/incoming") ?? [] { unlink(root + "/incoming/" + name) }
    }

    /// Where a blob lies, whether it is there or not.
    package func path(of name: String) -> String { Self.path(of: name, in: root) }

    /// The same in any directory that is laid out like a store, such as a backup's.
    package static func path(of name: String, in root: String) -> String { folder(of: name, in: root) + "/" + name }

    private static func folder(of name: String, in root: String) -> String {
        "\(root)/blobs/\(name.prefix(2))/\(name.dropFirst(2).prefix(2))"
    }

    /// Whether a text can be a blob's name.
    package static func isName(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Opens a blob; nil if it is not there.
    package func open(_ name: String) -> OpenFile? {
        guard Self.isName(name) else { return nil }
        return OpenFile(path: path(of: name))
    }

    // MARK: Writing

    /// Begins a blob.
    package func begin() throws(MediaFault) -> IncomingBlob {
        let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
        return try IncomingBlob(path: "\(root)/incoming/\(getpid())-\(number)")
    }

    /// Puts a finished file in its place, synced with its directory.
    ///
    /// The blob is held until ``release(_:)``: nobody deletes it before the log has been told of it.
    package func keep(_ incoming: IncomingBlob) throws(MediaFault) -> StoredBlob {
        let (name, bytes) = try incoming.finish()
        held.withLock { $0[name, default: 0] += 1 }
        do {
            try place(incoming, name)
        } catch {
            release(name)
            throw error
        }
        return StoredBlob(name: name, bytes: bytes)
    }

    private func place(_ incoming: IncomingBlob, _ name: String) throws(MediaFault) {
        let folder = Self.folder(of: name, in: root)
        try Directories.makeSynced(folder, below: root + "/blobs")
        // The same content again replaces itself: renaming needs no look first, and ends whatever a crash left half-way.
        guard rename(incoming.path, path(of: name)) == 0 else { throw .last("keeping a blob") }
        incoming.wasMoved()
        try Directories.sync(folder)
    }

    /// The log knows the blob now, or never will.
    package func release(_ name: String) {
        held.withLock { held in
            let count = (held[name] ?? 0) - 1
            held[name] = count > 0 ? count : nil
        }
    }

    // MARK: Deleting

    /// Deletes a blob and its thumbnails if nobody has it.
    ///
    /// - Parameter isReferenced: asked while no upload can come between.
    /// - Returns: whether it was deleted.
    @discardableResult
    package func delete(_ name: String, unless isReferenced: () throws -> Bool) throws -> Bool {
        guard Self.isName(name) else { return false }
        return try held.withLock { held in
            guard held[name] == nil, try !isReferenced() else { return false }
            guard unlink(path(of: name)) == 0 || errno == ENOENT else { throw MediaFault.last("deleting a blob") }
            Directories.remove(thumbnailFolder(of: name))
            return true
        }
    }

    package func thumbnailFolder(of name: String) -> String {
        "\(root)/thumbnails/\(name.prefix(2))/\(name.dropFirst(2).prefix(2))/\(name)"
    }

    /// Visits every blob's name, in order.
    package static func forEach(in root: String, _ body: (String) throws -> Void) rethrows {
        for first in (Directories.names(in: root + "/blobs") ?? []).sorted() {
            for second in (Directories.names(in: "\(root)/blobs/\(first)") ?? []).sorted() {
                for name in (Directories.names(in: "\(root)/blobs/\(first)/\(second)") ?? []).sorted()
                where isName(name) {
                    try body(name)
                }
            }
        }
    }
}

/// A blob that is on the disk.
package struct StoredBlob: Sendable, Hashable {
    /// BLAKE2b-256 of the content, hexadecimal.
    package let name: String
    package let bytes: Int64
}

/// The disk would not do what was asked.
package struct MediaFault: Error, Sendable, CustomStringConvertible {
    package let code: Int32
    package let operation: String

    static func last(_ operation: String) -> MediaFault { MediaFault(code: errno, operation: operation) }

    /// Whether the disk or the quota on it is full.
    package var isFull: Bool { code == ENOSPC || code == EDQUOT }
    package var description: String { "\(operation): \(String(cString: strerror(code)))" }
}
