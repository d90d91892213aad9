import MatrixIdentifiers
import Yams

extension MediaConfiguration {
    /// What `known` settings there are.
    static let names: Set<String> = [
        "enable_media_repo", "enable_authenticated_media", "max_image_pixels", "max_pending_media_uploads",
        "unused_expiration_time", "media_upload_limits", "dynamic_thumbnails", "thumbnail_sizes", "media_retention",
        "url_preview_enabled", "url_preview_ip_range_blacklist", "url_preview_ip_range_whitelist",
        "url_preview_url_blacklist", "max_spider_size", "url_preview_accept_language", "rc_media_create",
    ]

    mutating func read(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        isEnabled = reader.flag(root, "enable_media_repo") ?? isEnabled
        needsAuthentication = reader.flag(root, "enable_authenticated_media") ?? needsAuthentication
        maxImagePixels = reader.size(root, "max_image_pixels") ?? maxImagePixels
        maxPendingUploads =
            reader.integer(root, "max_pending_media_uploads", range: 0...100_000) ?? maxPendingUploads
        unusedExpirationMs = reader.duration(root, "unused_expiration_time") ?? unusedExpirationMs
        dynamicThumbnails = reader.flag(root, "dynamic_thumbnails") ?? dynamicThumbnails
        if let retention = reader.mapping(root, "media_retention") {
            localLifetimeMs = reader.duration(retention, "local_media_lifetime", in: "media_retention.")
            _ = reader.duration(retention, "remote_media_lifetime", in: "media_retention.")
        }
        readUploadLimits(root, &reader)
        readThumbnailSizes(root, &reader)
        readPreviews(root, &reader)
    }

    private mutating func readUploadLimits(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        forEachEntry("media_upload_limits", "{time_period: 1h, max_size: 100M}", root, &reader) { entry, path, reader in
            guard let period = reader.duration(entry, "time_period", in: path),
                let bytes = reader.size(entry, "max_size", in: path)
            else { return false }
            uploadLimits.append(UploadLimit(periodMs: period, bytes: bytes))
            return true
        }
    }

    private mutating func readThumbnailSizes(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        if root["thumbnail_sizes"]?.sequence != nil { thumbnailSizes = [] }
        forEachEntry("thumbnail_sizes", "{width: 96, height: 96, method: crop}", root, &reader) { entry, path, reader in
            guard let width = reader.integer(entry, "width", in: path, range: 1...4096),
                let height = reader.integer(entry, "height", in: path, range: 1...4096),
                let method = reader.string(entry, "method", in: path), method == "crop" || method == "scale"
            else { return false }
            thumbnailSizes.append(ThumbnailSize(width: width, height: height, isCrop: method == "crop"))
            return true
        }
    }

    private mutating func readPreviews(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        previewsEnabled = reader.flag(root, "url_preview_enabled") ?? previewsEnabled
        maxSpiderBytes = reader.size(root, "max_spider_size") ?? maxSpiderBytes
        previewLanguages = reader.strings(root, "url_preview_accept_language") ?? previewLanguages
        forbiddenRanges = ranges(root, "url_preview_ip_range_blacklist", &reader) ?? forbiddenRanges
        allowedRanges = ranges(root, "url_preview_ip_range_whitelist", &reader) ?? allowedRanges
        forEachEntry("url_preview_url_blacklist", "{netloc: \"*.example.org\"}", root, &reader) { entry, _, _ in
            var parts: [String: String] = [:]
            for (name, pattern) in entry {
                guard let name = name.string, let pattern = pattern.string else { return false }
                parts[name] = pattern
            }
            forbiddenURLs.append(URLPattern(parts: parts))
            return !parts.isEmpty
        }
    }

    private func ranges(_ root: Node.Mapping, _ name: String, _ reader: inout YAMLReader) -> [AddressRange]? {
        guard let texts = reader.strings(root, name) else { return nil }
        return texts.compactMap { text in
            if let range = AddressRange(text) { return range }
            reader.refuse(
                root[name], name, "has \(text), which is no range of addresses such as 10.0.0.0/8 or fe80::/10")
            return nil
        }
    }

    private func forEachEntry(
        _ name: String, _ example: String, _ root: Node.Mapping, _ reader: inout YAMLReader,
        _ body: (Node.Mapping, String, inout YAMLReader) -> Bool
    ) {
        guard let node = root[name], node.null == nil else { return }
        guard let entries = node.sequence else {
            reader.refuse(node, name, "must be a list; write `\(name): [\(example)]`")
            return
        }
        for (index, entry) in entries.enumerated() {
            let path = "\(name)[\(index)]."
            if let map = entry.mapping, body(map, path, &reader) { continue }
            reader.refuse(entry, "\(name)[\(index)]", "is not complete; write `\(example)`")
        }
    }
}
