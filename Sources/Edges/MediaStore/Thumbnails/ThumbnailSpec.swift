/// A thumbnail as it is asked for.
package struct ThumbnailRequest: Sendable, Hashable {
    package enum Method: String, Sendable, Hashable {
        case crop
        case scale
    }

    package var width: Int
    package var height: Int
    package var method: Method
    /// Whether it may move.
    package var isAnimated: Bool

    package init(width: Int, height: Int, method: Method, isAnimated: Bool = false) {
        self.width = width
        self.height = height
        self.method = method
        self.isAnimated = isAnimated
    }
}

/// Which thumbnails there are, and what making one may cost.
package struct ThumbnailRules: Sendable, Hashable {
    package struct Size: Sendable, Hashable {
        package var width: Int
        package var height: Int
        package var method: ThumbnailRequest.Method

        package init(width: Int, height: Int, method: ThumbnailRequest.Method) {
            self.width = width
            self.height = height
            self.method = method
        }
    }

    /// `thumbnail_sizes`.
    package var sizes = [
        Size(width: 32, height: 32, method: .crop), Size(width: 96, height: 96, method: .crop),
        Size(width: 320, height: 240, method: .scale), Size(width: 640, height: 480, method: .scale),
        Size(width: 800, height: 600, method: .scale),
    ]
    /// `dynamic_thumbnails`: any size is made.
    package var isDynamic = false
    /// `max_image_pixels`, of all frames together.
    package var maximumPixels: Int64 = 32 << 20
    /// How many are made at once.
    package var concurrency = 2
    /// How many may wait to be made.
    package var queueLimit = 256
    /// Address space of the process that makes one.
    package var memoryBytes: Int64 = 1 << 30
    /// How long it may take, in milliseconds.
    package var timeoutMs: Int32 = 20_000

    package init() {}

    /// The longest side of a thumbnail of any size.
    static let longestDynamicSide = 1600

    /// The size that is made for a request.
    ///
    /// > Servers must never return thumbnails smaller than the client's requested dimensions, unless the content being
    /// > thumbnailed is smaller than the dimensions.
    ///
    /// The smallest one that is large enough, of the same method if there is one; the largest if none is.
    package func size(for request: ThumbnailRequest, of image: ImageHeader) -> Size {
        if isDynamic || sizes.isEmpty {
            return Size(
                width: min(request.width, Self.longestDynamicSide),
                height: min(request.height, Self.longestDynamicSide),
                method: request.method)
        }
        func area(_ size: Size) -> Int { size.width * size.height }
        func isEnough(_ size: Size) -> Bool {
            guard request.method == .crop, size.method == .scale else {
                return size.width >= request.width && size.height >= request.height
            }
            // A picture that was only scaled has its own aspect: what counts is what comes out.
            let made = Self.fitted(image, in: size)
            return made.width >= request.width && made.height >= request.height
        }
        for method in [request.method, request.method == .crop ? .scale : .crop] {
            let enough = sizes.filter { $0.method == method && isEnough($0) }.min { area($0) < area($1) }
            if let enough, method == request.method || method == .scale { return enough }
        }
        let largest = sizes.filter { $0.method == request.method }.max { area($0) < area($1) }
        let anyLargest = sizes.filter { $0.method == .scale }.max { area($0) < area($1) }
        return anyLargest ?? largest ?? sizes[0]
    }

    private static func fitted(_ image: ImageHeader, in size: Size) -> (width: Int, height: Int) {
        if image.width * size.height >= image.height * size.width {
            let width = min(size.width, image.width)
            return (width, image.height * width / max(1, image.width))
        }
        let height = min(size.height, image.height)
        return (image.width * height / max(1, image.height), height)
    }
}

/// Why there is no thumbnail.
package enum ThumbnailRefusal: Error, Sendable, Hashable {
    /// No picture of a format that is understood, or a broken one.
    case notAPicture
    /// More pixels or more work than is allowed.
    case tooLarge
    /// Too many wait already.
    case busy
    /// The program that makes thumbnails is not installed.
    case notInstalled
}
