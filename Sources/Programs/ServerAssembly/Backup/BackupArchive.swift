import CanonicalJSON
package import Configuration
package import EventLog
import Glibc
import MatrixIdentifiers

/// A directory with a backup: a manifest, segments of records, and the files a server needs beside its log.
///
/// It is taken beside a running server, from one read transaction at a time: records are never changed but by an erasure, and
/// each segment says which positions it has. Taken again, only what is new is written, and segments with records that were
/// erased since are written anew, so that what was erased is in no later backup.
package struct BackupArchive {
    package let path: String

    package init(path: String) { self.path = path }

    private var manifestPath: String { path + "/manifest.json" }

    package func manifest() throws -> BackupManifest {
        try BackupManifest(bytes: try PrivateFile.read(manifestPath), path: manifestPath)
    }

    /// Brings the backup up to the log's head.
    ///
    /// - Parameter withSecrets: whether the configuration and the signing key go into it.
    package func update(
        from reader: LogReader,
        configuration: ServerConfiguration,
        configurationPath: String,
        withSecrets: Bool,
        progress: (UInt64, UInt64) -> Bool
    ) throws -> BackupManifest {
        try DataDirectory.makeDirectories(path)
        let serverName = configuration.serverName.rawValue
        var manifest = DataDirectory.exists(manifestPath) ? try self.manifest() : BackupManifest(serverName: serverName)
        guard manifest.serverName == serverName else {
            throw DataDirectory.Failure(
                "\(path) has a backup of \(manifest.serverName); use another directory for \(serverName).")
        }
        let head = try reader.head().rawValue
        if manifest.head > head || (manifest.segments.isEmpty == false && manifest.epoch != reader.epoch) {
            // The log was restored into the past since: what follows the fork is another history.
            manifest.segments = []
        }
        let first = manifest.head + 1
        let erased = try erasedPositions(in: reader, from: first, through: head)
        for index in manifest.segments.indices {
            let segment = manifest.segments[index]
            guard erased.contains(where: { $0 >= segment.first && $0 <= segment.last }) else { continue }
            manifest.segments[index] = try writeSegment(reader, segment.first, segment.last, progress)
            unlink(path + "/" + segment.file)
        }
        var media = MediaBackup(path: path)
        if first > 1 { try media.load() }
        try media.follow(reader, from: first, through: head)
        if head >= first {
            manifest.segments.append(try writeSegment(reader, first, head, progress))
        }
        manifest.epoch = reader.epoch
        manifest.takenAtMs = WallClock.nowMs()
        manifest.chainHead =
            try reader.record(at: LogPosition(rawValue: head)).map { Hexadecimal.text($0.chainHash) } ?? ""
        let copied = try media.update(from: configuration.mediaStorePath) { done, all in
            progress(UInt64(done), UInt64(all))
        }
        manifest.media = BackupManifest.Media(
            blobs: Int64(Set(media.blobs.values).count), copied: Int64(copied.copied), copiedBytes: copied.bytes,
            missing: copied.missing)
        manifest.attachments = [
            try attach("log-tables", try reader.exportTables()), try attach(MediaBackup.indexFile, media.index),
        ]
        if withSecrets {
            manifest.attachments.append(try attach("homeserver.yaml", try PrivateFile.read(configurationPath)))
            manifest.attachments.append(try attach("signing.key", try PrivateFile.read(configuration.signingKeyPath)))
        }
        try PrivateFile.write(manifest.json.canonicalBytes(), to: manifestPath)
        return manifest
    }

    private func erasedPositions(in reader: LogReader, from first: UInt64, through head: UInt64) throws -> Set<UInt64> {
        var erased: Set<UInt64> = []
        guard head >= first else { return erased }
        try reader.scan(from: LogPosition(rawValue: first)) { record in
            for position in Erasure.positions(in: record) { erased.insert(position.rawValue) }
            return record.position.rawValue < head
        }
        return erased
    }

    private func writeSegment(
        _ reader: LogReader,
        _ first: UInt64,
        _ last: UInt64,
        _ progress: (UInt64, UInt64) -> Bool
    ) throws -> BackupManifest.Segment {
        let file = "records-\(first)-\(last)-\(WallClock.nowMs()).seg"
        let output = try SegmentFile.Output(path: path + "/" + file)
        var expected = first
        try reader.scanStored(from: LogPosition(rawValue: first)) { position, stored in
            guard position.rawValue <= last else { return false }
            guard position.rawValue == expected else {
                throw DataDirectory.Failure("the log lacks position \(expected); run `engram log verify`.")
            }
            expected += 1
            try output.append(position: position.rawValue, stored: stored)
            guard progress(position.rawValue, last) else { throw Rebuild.Interrupted() }
            return position.rawValue < last
        }
        guard expected == last + 1 else {
            throw DataDirectory.Failure("the log ends at \(expected - 1), before \(last); run `engram log verify`.")
        }
        let digest = try output.finish()
        return BackupManifest.Segment(file: file, first: first, last: last, bytes: output.bytesWritten, digest: digest)
    }

    private func attach(_ name: String, _ bytes: [UInt8]) throws -> BackupManifest.Attachment {
        try PrivateFile.write(bytes, to: path + "/" + name)
        let (digest, count) = try SegmentFile.digest(ofFile: path + "/" + name)
        return BackupManifest.Attachment(file: name, bytes: count, digest: digest)
    }

    /// Compares every file with its digest; returns what is wrong, empty when all is well.
    package func verify(progress: (UInt64, UInt64) -> Bool) throws -> [String] {
        let manifest = try manifest()
        var problems: [String] = []
        for segment in manifest.segments {
            problems += try compare(segment.file, digest: segment.digest, bytes: segment.bytes)
            guard progress(segment.last, manifest.head) else { throw Rebuild.Interrupted() }
        }
        for file in manifest.attachments { problems += try compare(file.file, digest: file.digest, bytes: file.bytes) }
        var media = MediaBackup(path: path)
        try media.load()
        return try problems + media.problems { progress(UInt64($0), UInt64($1)) }
    }

    private func compare(_ file: String, digest: String, bytes: Int64) throws -> [String] {
        guard DataDirectory.exists(path + "/" + file) else { return ["\(file) is missing"] }
        let (found, count) = try SegmentFile.digest(ofFile: path + "/" + file)
        return found == digest && count == bytes ? [] : ["\(file) is damaged: its digest is \(found), not \(digest)"]
    }

    // MARK: Restore

    /// Makes a new log from the backup, up to `position` (default: all of it).
    ///
    /// What is older than the newest record ever written is the past: the restored log opens a new epoch, so that sync tokens
    /// of the lost future are recognised.
    ///
    /// - Parameter mediaStore: where the content of media goes; nil leaves it out.
    package func restore(
        to data: DataDirectory,
        mediaStore: String? = nil,
        upTo position: UInt64?,
        reason: String,
        progress: (UInt64, UInt64) -> Bool
    ) throws -> LogPosition {
        let manifest = try manifest()
        let last = min(position ?? manifest.head, manifest.head)
        guard last >= 1 else { throw DataDirectory.Failure("there is nothing to restore up to position \(last).") }
        guard !DataDirectory.exists(data.log + "/data.mdb") else {
            throw DataDirectory.Failure("\(data.log) has a log already; move it away first, nothing is overwritten.")
        }
        let partial = data.root + "/log.restoring"
        try DataDirectory.remove(partial)
        try DataDirectory.makeDirectories(partial)
        let restorer = try LogRestorer(directory: partial)
        try restorer.importTables(try PrivateFile.read(path + "/log-tables", limit: 1 << 30))
        for segment in manifest.segments where segment.first <= last {
            try SegmentFile.read(path: path + "/" + segment.file) { position, stored in
                guard position <= last else { return }
                try restorer.append(position: LogPosition(rawValue: position), stored: stored)
                guard progress(position, last) else { throw Rebuild.Interrupted() }
            }
        }
        try restorer.finish(
            openingEpochBecause: reason, wallTimeMs: WallClock.nowMs(), randomBytes: Randomness.bytes)
        if let mediaStore {
            var media = MediaBackup(path: path)
            try media.load()
            try media.restore(to: mediaStore)
        }
        guard rename(partial, data.log) == 0 else {
            throw DataDirectory.Failure("cannot rename \(partial) to \(data.log): \(String(cString: strerror(errno))).")
        }
        return LogPosition(rawValue: last)
    }
}
