import ClientAPI
import CommandHandling
import Configuration
import Decisions
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

extension MediaParts {
    /// Nil when the configuration says that the server keeps no media.
    init?(_ configuration: ServerConfiguration, _ environment: CommandEnvironment) throws {
        guard configuration.media.isEnabled else { return nil }
        self.init(
            commands: MediaCommands(environment: environment, rules: MediaRules(configuration)),
            blobs: try BlobStore(root: configuration.mediaStorePath),
            isFrozen: configuration.media.needsAuthentication)
    }
}
