import ClientAPI
import CommandHandling
package import Configuration
import Decisions
import HTTPFront
import MatrixIdentifiers
import MediaStore

// What the media parts take as settings, made from the configuration.

extension MediaRules {
    init(_ configuration: ServerConfiguration) {
        self.init()
        maximumBytes = configuration.maxUploadSize
        uploadLimits = configuration.media.uploadLimits.map { UploadLimit(periodMs: $0.periodMs, bytes: $0.bytes) }
        maximumPending = configuration.media.maxPendingUploads
        unusedLifetimeMs = configuration.media.unusedExpirationMs
        needsAuthentication = configuration.media.needsAuthentication
    }
}

extension ThumbnailRules {
    init(_ media: MediaConfiguration) {
        self.init()
        sizes = media.thumbnailSizes.map {
            Size(width: $0.width, height: $0.height, method: $0.isCrop ? .crop : .scale)
        }
        isDynamic = media.dynamicThumbnails
        maximumPixels = media.maxImagePixels
        concurrency = min(8, WorkerPool.processorCount)
    }
}

extension PreviewRules {
    init(_ configuration: ServerConfiguration) {
        self.init()
        let media = configuration.media
        verifiesCertificates = configuration.verifiesOutboundCertificates
        addresses = AddressPolicy(blocked: media.forbiddenRanges, allowed: media.allowedRanges)
        forbidden = media.forbiddenURLs.map { Pattern(parts: $0.parts) }
        maximumBytes = Int(clamping: media.maxSpiderBytes)
        languages = media.previewLanguages
    }
}

extension MediaParts {
    /// Nil when the configuration says that the server keeps no media.
    init?(_ configuration: ServerConfiguration, _ environment: CommandEnvironment, log: StructuredLog) throws {
        guard configuration.media.isEnabled else { return nil }
        let blobs = try BlobStore(root: configuration.mediaStorePath)
        for problem in configuration.mediaProblems { log.warning(problem) }
        self.init(
            commands: MediaCommands(environment: environment, rules: MediaRules(configuration)),
            blobs: blobs,
            thumbnails: try Thumbnailer(blobs: blobs, rules: ThumbnailRules(configuration.media), log: log),
            previews: configuration.media.previewsEnabled
                ? try URLPreviewer(rules: PreviewRules(configuration), nowMs: environment.nowMs) : nil,
            isFrozen: configuration.media.needsAuthentication)
    }
}

extension ServerConfiguration {
    /// What is missing on this machine for media to work as configured.
    package var mediaProblems: [String] {
        guard media.isEnabled, Thumbnailer.installedProgram() == nil else { return [] }
        return ["vipsthumbnail is not installed, so there will be no thumbnails; install Debian's libvips-tools."]
    }
}
