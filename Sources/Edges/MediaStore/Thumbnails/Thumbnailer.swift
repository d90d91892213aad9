import Glibc
package import HTTPFront
import Synchronization

/// Makes thumbnails by `vipsthumbnail` of libvips, each in a process of its own with bounds on memory and time, a few at
/// once. They lie beside the blobs by the blob's name; whoever deletes a blob deletes them.
package final class Thumbnailer: Sendable {
    /// A picture to give out.
    package struct Picture: Sendable {
        package let file: OpenFile
        package let contentType: String
        /// Tells this picture from others of the same blob; empty for the blob itself.
        package let variant: String
    }

    package let rules: ThumbnailRules
    private let blobs: BlobStore
    private let program: String?
    private let pool: WorkerPool
    private let log: StructuredLog?
    private let underWay = Mutex<[String: [CheckedContinuation<Void, Never>]]>([:])
    private let numbers = Atomic<UInt64>(0)

    /// - Parameter program: the path of `vipsthumbnail`; nil when it is not installed.
    package init(
        blobs: BlobStore, rules: ThumbnailRules, program: String? = Thumbnailer.installedProgram(),
        log: StructuredLog? = nil
    ) throws {
        self.blobs = blobs
        self.rules = rules
        self.program = program
        self.log = log
        pool = try WorkerPool(
            threads: rules.concurrency, queueLimit: rules.queueLimit, metrics: MetricsRegistry())
    }

    /// Where the program is, if it is installed.
    package static func installedProgram() -> String? {
        ["/usr/bin/vipsthumbnail", "/usr/local/bin/vipsthumbnail"].first { access($0, X_OK) == 0 }
    }

    /// The thumbnail of a blob, made now if it was not made before.
    ///
    /// - Throws: `ThumbnailRefusal`, or `MediaFault` when the disk fails.
    package func picture(of blob: String, _ request: ThumbnailRequest) async throws -> Picture? {
        guard let file = blobs.open(blob) else { return nil }
        let job = try job(for: request, of: file, blob)
        guard let job else {
            guard let header = ImageHeader(file) else { throw ThumbnailRefusal.notAPicture }
            return Picture(file: file, contentType: header.format.contentType, variant: "")
        }
        if let made = OpenFile(path: job.path) { return job.picture(made) }
        guard let program else { throw ThumbnailRefusal.notInstalled }
        try await make(job, program)
        guard let made = OpenFile(path: job.path) else { throw ThumbnailRefusal.notAPicture }
        return job.picture(made)
    }

    /// Makes the usual thumbnails of a blob before anybody asks, if there is not much else to make.
    package func prepare(_ blob: String) {
        guard let program, pool.queuedCount < rules.concurrency else { return }
        for size in rules.sizes {
            let request = ThumbnailRequest(width: size.width, height: size.height, method: size.method)
            _ = pool.run { [self] in
                guard let file = blobs.open(blob), let job = try? job(for: request, of: file, blob),
                    access(job.path, F_OK) != 0
                else { return }
                // Whoever asks for it makes it again and is told what is wrong.
                try? run(job, program)
            }
        }
    }

    package func shutdown() { pool.shutdown() }

    // MARK: - One thumbnail

    private struct Job: Sendable {
        let source: String
        let path: String
        let size: ThumbnailRules.Size
        let isAnimated: Bool
        let contentType: String
        let variant: String

        func picture(_ file: OpenFile) -> Picture { Picture(file: file, contentType: contentType, variant: variant) }
    }

    /// What is to be made; nil when the blob itself is the answer.
    private func job(for request: ThumbnailRequest, of file: OpenFile, _ blob: String) throws -> Job? {
        guard let header = ImageHeader(file) else { throw ThumbnailRefusal.notAPicture }
        // The header is believed only as far as to refuse: the child has its own bounds.
        let still = Int64(header.width) * Int64(header.height)
        guard still <= rules.maximumPixels else { throw ThumbnailRefusal.tooLarge }
        let isAnimated = request.isAnimated && header.isAnimated && header.pixels <= rules.maximumPixels
        let size = rules.size(for: request, of: header)
        // "When the content is smaller than the requested dimensions, servers should return the original content rather
        // than thumbnail it." But: "When false, the server MUST NOT return an animated thumbnail."
        if header.width <= size.width, header.height <= size.height, isAnimated || !header.isAnimated { return nil }
        // "Servers SHOULD prefer to return image/webp thumbnails when supporting animation."
        let (suffix, contentType) =
            isAnimated ? ("webp", "image/webp") : header.format == .jpeg ? ("jpg", "image/jpeg") : ("png", "image/png")
        let variant = "-\(size.width)x\(size.height)-\(size.method.rawValue)\(isAnimated ? "-animated" : "")"
        return Job(
            source: blobs.path(of: blob), path: "\(blobs.thumbnailFolder(of: blob))/\(variant.dropFirst()).\(suffix)",
            size: size, isAnimated: isAnimated, contentType: contentType, variant: variant)
    }

    /// Makes it, or waits for whoever makes it already.
    private func make(_ job: Job, _ program: String) async throws {
        let isFirst = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            _ = continuation
            continuation.resume(
                returning: underWay.withLock { underWay in
                    guard underWay[job.path] == nil else { return false }
                    underWay[job.path] = []
                    return true
                })
        }
        guard isFirst else { return await waitFor(job) }
        let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
            let isTaken = pool.run { [self] in continuation.resume(returning: Result { try run(job, program) }) }
            if !isTaken { continuation.resume(returning: .failure(ThumbnailRefusal.busy)) }
        }
        for waiter in underWay.withLock({ $0.removeValue(forKey: job.path) ?? [] }) { waiter.resume() }
        try result.get()
    }

    private func waitFor(_ job: Job) async {
        await withCheckedContinuation { continuation in
            let isUnderWay = underWay.withLock { underWay in
                guard underWay[job.path] != nil else { return false }
                underWay[job.path]?.append(continuation)
                return true
            }
            if !isUnderWay { continuation.resume() }
        }
    }

    private func run(_ job: Job, _ program: String) throws {
        let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
        let suffix = job.path.split(separator: ".").last ?? "png"
        let temporary = "\(blobs.root)/incoming/thumbnail-\(getpid())-\(number).\(suffix)"
        defer { unlink(temporary) }
        let options = job.isAnimated ? "[Q=75,strip]" : suffix == "jpg" ? "[Q=80,optimize_coding,strip]" : "[strip]"
        var arguments = [job.source + (job.isAnimated ? "[n=-1]" : "")]
        // ">": "Servers MUST NOT upscale thumbnails under any circumstance."
        arguments += ["--size", "\(job.size.width)x\(job.size.height)>"]
        if job.size.method == .crop { arguments += ["--smartcrop", "centre"] }
        arguments += ["--output", temporary + options]
        let outcome = try ChildProcess.run(
            program, arguments, memoryBytes: rules.memoryBytes, timeoutMs: rules.timeoutMs)
        guard outcome.status == 0, access(temporary, F_OK) == 0 else {
            log?.info(
                "no thumbnail was made",
                [
                    ("blob", job.source), ("status", outcome.status.map { "\($0)" } ?? "killed"),
                    ("message", outcome.message),
                ])
            throw outcome.status == nil ? ThumbnailRefusal.tooLarge : ThumbnailRefusal.notAPicture
        }
        try Directories.make(String(job.path[..<(job.path.lastIndex(of: "/") ?? job.path.endIndex)]))
        guard rename(temporary, job.path) == 0 else { throw MediaFault.last("keeping a thumbnail") }
    }
}
