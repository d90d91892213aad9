internal import MediaStore

/// Any bytes as a picture.
enum ImagesTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        guard let header = ImageHeader(input) else { return nil }
        if header.width < 1 || header.height < 1 || header.width > 1 << 24 || header.height > 1 << 24 {
            return "a side of \(header.width) or \(header.height)"
        }
        if header.frames < 1 || header.frames > 4096 { return "\(header.frames) frames" }
        if header.pixels < 1 { return "\(header.pixels) pixels" }
        return header == ImageHeader(input) ? nil : "the same picture is another"
    }
}
