package import MatrixIdentifiers

/// The settings of media and URL previews, with Synapse's defaults.
package struct MediaConfiguration: Sendable, Hashable {
    /// An entry of `media_upload_limits`.
    package struct UploadLimit: Sendable, Hashable {
        package var periodMs: Int64
        package var bytes: Int64
    }

    /// An entry of `thumbnail_sizes`.
    package struct ThumbnailSize: Sendable, Hashable {
        package var width: Int
        package var height: Int
        package var isCrop: Bool
    }

    /// An entry of `url_preview_url_blacklist`: all patterns must match.
    package struct URLPattern: Sendable, Hashable {
        /// By part of the URL: `scheme`, `netloc`, `hostname`, `port`, `path`, `query`, `fragment`, `username`, `password`.
        package var parts: [String: String]
    }

    /// `enable_media_repo`.
    package var isEnabled = true
    /// `enable_authenticated_media`.
    package var needsAuthentication = true
    /// `max_image_pixels`.
    package var maxImagePixels: Int64 = 32 << 20
    /// `max_pending_media_uploads`.
    package var maxPendingUploads = 5
    /// `unused_expiration_time`.
    package var unusedExpirationMs: Int64 = 86_400_000
    /// `media_upload_limits`.
    package var uploadLimits: [UploadLimit] = []
    /// `dynamic_thumbnails`.
    package var dynamicThumbnails = false
    /// `thumbnail_sizes`.
    package var thumbnailSizes = [
        ThumbnailSize(width: 32, height: 32, isCrop: true), ThumbnailSize(width: 96, height: 96, isCrop: true),
        ThumbnailSize(width: 320, height: 240, isCrop: false), ThumbnailSize(width: 640, height: 480, isCrop: false),
        ThumbnailSize(width: 800, height: 600, isCrop: false),
    ]
    /// `media_retention.local_media_lifetime`; nil for ever.
    package var localLifetimeMs: Int64?
    /// `url_preview_enabled`.
    package var previewsEnabled = false
    /// `url_preview_ip_range_blacklist`.
    package var forbiddenRanges = AddressPolicy.privateRanges
    /// `url_preview_ip_range_whitelist`: allowed although forbidden.
    package var allowedRanges: [AddressRange] = []
    /// `url_preview_url_blacklist`.
    package var forbiddenURLs: [URLPattern] = []
    /// `max_spider_size`.
    package var maxSpiderBytes: Int64 = 10 << 20
    /// `url_preview_accept_language`.
    package var previewLanguages = ["en"]
}
