import EventLog
import Glibc
import LogEvents
import MediaStore

/// The media of a backup: `media/` is laid out like a store of media, `media-index` says which media had which blob.
///
/// The index follows the log and not the store: a store that is not mounted must not empty the backup. A blob is on the
/// disk before the log knows of it, so whatever the copied log names can be copied after it.
struct MediaBackup {
    static let indexFile = "media-index"

    let path: String
    /// Blobs by media ID.
    private(set) var blobs: [String: String] = [:]

    init(path: String) { self.path = path }

    private var indexPath: String { path + "/" + Self.indexFile }
    private var root: String { path + "/media" }

    /// The index as it was written last.
    mutating func load() throws {
        guard DataDirectory.exists(indexPath) else { return }
        let text = String(decoding: try PrivateFile.read(indexPath, limit: 4 << 30), as: UTF8.self)
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count == 2, BlobStore.isName(String(parts[1])) else {
                throw DataDirectory.Failure("\(indexPath) is damaged; take the backup into a new directory.")
            }
            blobs[String(parts[0])] = String(parts[1])
        }
    }

    /// Follows the log from one position to another.
    mutating func follow(_ reader: LogReader, from first: UInt64, through head: UInt64) throws {
        guard head >= first else { return }
        try reader.scan(from: LogPosition(rawValue: first)) { record in
            switch record.kind {
            case .mediaUploaded where !record.payload.isEmpty:
                let fact = try MediaUploaded(payload: record.payload)
                if blobs[fact.mediaID] == nil { blobs[fact.mediaID] = fact.blob }
            case .mediaRemoved where !record.payload.isEmpty:
                for mediaID in try MediaRemoved(payload: record.payload).mediaIDs { blobs[mediaID] = nil }
            default: break
            }
            return record.position.rawValue < head
        }
    }

    /// The bytes of the index.
    var index: [UInt8] {
        Array(blobs.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined().utf8)
    }

    /// Copies what is new and deletes what nobody has any more.
    ///
    /// - Returns: blobs and bytes that were copied, and blobs that the store lacks.
    func update(
        from store: String, progress: (Int, Int) -> Bool
    ) throws -> (copied: Int, bytes: Int64, missing: [String]) {
        let wanted = Set(blobs.values)
        var result: (copied: Int, bytes: Int64, missing: [String]) = (0, 0, [])
        for (done, name) in wanted.sorted().enumerated() {
            guard progress(done, wanted.count) else { throw Rebuild.Interrupted() }
            let target = BlobStore.path(of: name, in: root)
            if DataDirectory.exists(target) { continue }
            let source = BlobStore.path(of: name, in: store)
            guard DataDirectory.exists(source) else {
                result.missing.append(name)
                continue
            }
            result.bytes += try Self.copy(source, to: target, name: name)
            result.copied += 1
        }
        BlobStore.forEach(in: root) { name in
            if !wanted.contains(name) { unlink(BlobStore.path(of: name, in: root)) }
        }
        return result
    }

    /// Compares every blob with its name, which is its digest.
    func problems(progress: (Int, Int) -> Bool) throws -> [String] {
        var problems: [String] = []
        let wanted = Set(blobs.values).sorted()
        for (done, name) in wanted.enumerated() {
            guard progress(done, wanted.count) else { throw Rebuild.Interrupted() }
            let file = BlobStore.path(of: name, in: root)
            // What the store had lost already is no damage of the backup.
            guard DataDirectory.exists(file) else { continue }
            if try SegmentFile.digest(ofFile: file).digest != name { problems.append("media blob \(name) is damaged") }
        }
        return problems
    }

    /// Copies the blobs into a store of media; what is there already stays.
    func restore(to store: String) throws {
        for name in Set(blobs.values).sorted() {
            let source = BlobStore.path(of: name, in: root)
            let target = BlobStore.path(of: name, in: store)
            guard DataDirectory.exists(source), !DataDirectory.exists(target) else { continue }
            _ = try Self.copy(source, to: target, name: name)
        }
    }

    /// Copies a file whole, synced, and refuses one whose content is not what its name says.
    private static func copy(_ source: String, to target: String, name: String) throws -> Int64 {
        let folder = String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)])
        try DataDirectory.makeDirectories(folder)
        let temporary = target + ".new"
        let output = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        func failure(_ what: String) -> DataDirectory.Failure {
            DataDirectory.Failure("cannot \(what) \(target): \(String(cString: strerror(errno))).")
        }
        guard output >= 0 else { throw failure("create") }
        defer { close(output) }
        let input = try SegmentFile.Input(path: source)
        let digest = SegmentFile.Digest()
        var total: Int64 = 0
        while let bytes = try input.read(upTo: 1 << 20) {
            digest.update(bytes)
            total += Int64(bytes.count)
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
                guard written >= 0 || errno == EINTR else {
                    let problem = failure("write")
                    unlink(temporary)
                    throw problem
                }
                rest = rest.dropFirst(max(0, written))
            }
        }
        guard digest.finish() == name else {
            unlink(temporary)
            throw DataDirectory.Failure("\(source) is damaged: its content is not what its name says.")
        }
        guard fsync(output) == 0, rename(temporary, target) == 0 else { throw failure("keep") }
        return total
    }
}
