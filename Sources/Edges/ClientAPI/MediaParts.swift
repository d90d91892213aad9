package import CommandHandling
package import MediaStore

/// What the media endpoints need; a server without a store of media has none of them.
package struct MediaParts: Sendable {
    package let commands: MediaCommands
    package let blobs: BlobStore
    package let thumbnails: Thumbnailer
    /// Nil when `url_preview_enabled` is not set.
    package let previews: URLPreviewer?
    /// `enable_authenticated_media`: the endpoints that ask for no login give out only what was uploaded before the freeze.
    package let isFrozen: Bool
    /// Tells who waits for the content of an ID that it has come.
    package let arrivals = MediaArrivals()
    /// When media were given out.
    package let accesses = MediaAccesses()

    package init(
        commands: MediaCommands, blobs: BlobStore, thumbnails: Thumbnailer, previews: URLPreviewer? = nil,
        isFrozen: Bool
    ) {
        self.commands = commands
        self.blobs = blobs
        self.thumbnails = thumbnails
        self.previews = previews
        self.isFrozen = isFrozen
    }
}
