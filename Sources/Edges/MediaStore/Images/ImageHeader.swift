package import HTTPFront

/// What a picture says of itself, read from its header without decoding anything.
package struct ImageHeader: Sendable, Hashable {
    package enum Format: String, Sendable, Hashable, CaseIterable {
        case jpeg = "image/jpeg"
        case png = "image/png"
        case gif = "image/gif"
        case webp = "image/webp"

        package var contentType: String { rawValue }
    }

    package var format: Format
    package var width: Int
    package var height: Int
    /// Pictures that follow each other; counted no further than it takes to see that they are too many.
    package var frames = 1

    /// Whether it moves.
    package var isAnimated: Bool { frames > 1 }
    /// What decoding all of it makes. Sides have at most 32 bits and frames are bounded, so it cannot overflow.
    package var pixels: Int64 { Int64(width) * Int64(height) * Int64(frames) }

    /// More frames are not counted.
    static let mostFrames = 4096
    /// More parts of a file are not looked at.
    static let mostParts = 1 << 20
    /// No format that we know has longer sides.
    static let longestSide = 1 << 24

    /// Reads the header; nil for what is no picture of these formats, or a broken one.
    package init?(_ file: OpenFile) {
        var source = ImageFile(descriptor: file.descriptor, length: file.length)
        self.init(&source)
    }

    /// The same from bytes in memory.
    package init?(_ bytes: [UInt8]) {
        var source = ImageFile(bytes)
        self.init(&source)
    }

    init?(_ file: inout ImageFile) {
        let found: ImageHeader?
        if file.bytes(at: 0, count: 8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] {
            found = Self.png(&file)
        } else if file.bytes(at: 0, count: 3) == [0xFF, 0xD8, 0xFF] {
            found = Self.jpeg(&file)
        } else if file.has("GIF87a", at: 0) || file.has("GIF89a", at: 0) {
            found = Self.gif(&file)
        } else if file.has("RIFF", at: 0) && file.has("WEBP", at: 8) {
            found = Self.webp(&file)
        } else {
            found = nil
        }
        guard let found, (1...Self.longestSide).contains(found.width), (1...Self.longestSide).contains(found.height)
        else { return nil }
        self = found
    }

    init(_ format: Format, _ width: Int, _ height: Int, frames: Int = 1) {
        self.format = format
        self.width = width
        self.height = height
        self.frames = frames
    }

    private static func png(_ file: inout ImageFile) -> ImageHeader? {
        guard file.has("IHDR", at: 12), let width = file.big(at: 16, count: 4), let height = file.big(at: 20, count: 4)
        else { return nil }
        return ImageHeader(.png, width, height)
    }

    /// Goes from segment to segment until a start of frame, which has the size.
    private static func jpeg(_ file: inout ImageFile) -> ImageHeader? {
        var offset: Int64 = 2
        for _ in 0..<mostParts {
            guard file.byte(at: offset) == 0xFF, let marker = file.byte(at: offset + 1) else { return nil }
            switch marker {
            case 0xFF: offset += 1  // fill
            case 0x01, 0xD0...0xD8: offset += 2  // without a length
            case 0xD9, 0xDA: return nil  // the end, or the scan before any frame
            case 0xC0...0xCF where marker != 0xC4 && marker != 0xC8 && marker != 0xCC:
                guard let height = file.big(at: offset + 5, count: 2), let width = file.big(at: offset + 7, count: 2)
                else { return nil }
                return ImageHeader(.jpeg, width, height)
            default:
                guard let length = file.big(at: offset + 2, count: 2), length >= 2 else { return nil }
                offset += 2 + Int64(length)
            }
        }
        return nil
    }

    /// The screen's size, and the frames by going from block to block.
    private static func gif(_ file: inout ImageFile) -> ImageHeader? {
        guard let width = file.little(at: 6, count: 2), let height = file.little(at: 8, count: 2),
            let flags = file.byte(at: 10)
        else { return nil }
        var header = ImageHeader(.gif, width, height, frames: 0)
        var offset: Int64 = 13 + colours(flags)
        for _ in 0..<mostParts where header.frames < mostFrames {
            switch file.byte(at: offset) {
            case 0x21:  // extension: a label, then sub-blocks
                offset = pastSubBlocks(offset + 2, &file)
            case 0x2C:  // image descriptor: its size may pass the screen's, and that is decoded then
                guard let own = file.bytes(at: offset + 1, count: 9) else { return header.frames > 0 ? header : nil }
                header.frames += 1
                header.width = max(header.width, Int(own[4]) | Int(own[5]) << 8)
                header.height = max(header.height, Int(own[6]) | Int(own[7]) << 8)
                offset = pastSubBlocks(offset + 10 + colours(own[8]) + 1, &file)
            default:  // the trailer, or a file that was cut off
                return header.frames > 0 ? header : nil
            }
        }
        return header.frames > 0 ? header : nil
    }

    private static func colours(_ flags: UInt8) -> Int64 { flags & 0x80 == 0 ? 0 : 3 << (Int64(flags & 7) + 1) }

    private static func pastSubBlocks(_ start: Int64, _ file: inout ImageFile) -> Int64 {
        var offset = start
        for _ in 0..<mostParts {
            guard let length = file.byte(at: offset) else { return file.length }
            offset += 1 + Int64(length)
            if length == 0 { break }
        }
        return offset
    }

    private static func webp(_ file: inout ImageFile) -> ImageHeader? {
        if file.has("VP8 ", at: 12) {
            // > A frame tag of 3 bytes, the start code 9d 01 2a, and 14 bits each of width and height.
            guard file.bytes(at: 23, count: 3) == [0x9D, 0x01, 0x2A], let width = file.little(at: 26, count: 2),
                let height = file.little(at: 28, count: 2)
            else { return nil }
            return ImageHeader(.webp, width & 0x3FFF, height & 0x3FFF)
        }
        if file.has("VP8L", at: 12) {
            guard file.byte(at: 20) == 0x2F, let bits = file.little(at: 21, count: 4) else { return nil }
            return ImageHeader(.webp, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        }
        guard file.has("VP8X", at: 12), let flags = file.byte(at: 20), let width = file.little(at: 24, count: 3),
            let height = file.little(at: 27, count: 3)
        else { return nil }
        var header = ImageHeader(.webp, width + 1, height + 1)
        guard flags & 0x02 != 0 else { return header }
        header.frames = 0
        var offset: Int64 = 12
        for _ in 0..<mostParts where header.frames < mostFrames {
            guard let size = file.little(at: offset + 4, count: 4) else { break }
            if file.has("ANMF", at: offset) { header.frames += 1 }
            offset += 8 + Int64(size) + Int64(size & 1)
        }
        header.frames = max(1, header.frames)
        return header
    }
}
