import ClientAPI
import CommandHandling
import Glibc
import HTTPFront
import MediaStore
import Queries
import ReadModel

/// Removes media whose time is over, and blobs that nobody has.
struct MediaHousekeeping: Sendable {
    let media: MediaParts
    /// `media_retention.local_media_lifetime`.
    let lifetimeMs: Int64?
    let log: StructuredLog

    private static let interval = Duration.seconds(3600)
    /// Pictures of previews: clients show a preview for as long as they run, and ask again.
    private static let previewLifetimeMs: Int64 = 7 * 86_400_000
    /// IDs without content are remembered for a day more, so that a late upload is told why it fails.
    private static let unusedGraceMs: Int64 = 86_400_000
    private static let pageSize = 1000
    /// A blob younger than this may belong to an upload that the log is just being told of.
    private static let orphanSeconds = 3600

    /// Runs until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: Self.interval)
                try await pass()
            } catch is CancellationError {
                return
            } catch {
                log.warning("media were not cleared away", [("fault", "\(error)")])
            }
        }
        // The server stops when the first of its tasks ends: this one ends only with it.
    }

    /// One look at everything.
    func pass() async throws {
        let now = WallClock.nowMs()
        try await remove(because: "unused") { row in
            !row.hasContent && row.unusedExpiresAtMs < now - Self.unusedGraceMs
        }
        try await remove(because: "preview") { row in
            row.isPreview && row.hasContent && row.uploadedMs < now - Self.previewLifetimeMs
        }
        if let lifetimeMs {
            try await remove(because: "retention") { row in
                row.hasContent && !row.isProtected && !row.isQuarantined
                    && max(row.uploadedMs, row.accessedMs) < now - lifetimeMs
            }
        }
        try sweepOrphans()
    }

    private func remove(because reason: String, _ matches: @Sendable (MediaRow) -> Bool) async throws {
        let queries = media.commands.queries
        var last: String?
        var count = 0
        repeat {
            let page = try queries.mediaIDs(after: last, limit: Self.pageSize, where: matches)
            last = page.last
            guard !page.found.isEmpty else { continue }
            let removed = try await media.commands.remove(page.found, reason: reason, actor: "", cause: "housekeeping")
            count += removed.mediaIDs.count
            for blob in removed.blobs {
                try media.blobs.delete(IncomingBlob.text(blob)) { try queries.isReferenced(blob: blob) }
            }
        } while last != nil
        if count > 0 { log.info("media removed", [("count", "\(count)"), ("reason", reason)]) }
    }

    /// Blobs of uploads that a crash cut off between the disk and the log, or between the log and the deletion.
    private func sweepOrphans() throws {
        let queries = media.commands.queries
        let root = media.blobs.root
        try BlobStore.forEach(in: root) { name in
            var information = stat()
            guard lstat(BlobStore.path(of: name, in: root), &information) == 0,
                Int(WallClock.nowMs() / 1000) - Int(information.st_mtim.tv_sec) > Self.orphanSeconds,
                let blob = ViewKeys.blobName(name)
            else { return }
            if try media.blobs.delete(name, unless: { try queries.isReferenced(blob: blob) }) {
                log.info("a blob that nobody has was deleted", [("blob", name)])
            }
        }
    }
}
