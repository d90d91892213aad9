import MediaStore
import Testing

/// Headers of pictures, whole and broken.
@Suite struct ImageHeaderTests {
    static func big(_ number: Int, _ count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    static func little(_ number: Int, _ count: Int) -> [UInt8] { big(number, count).reversed() }

    static func png(_ width: Int, _ height: Int) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + big(13, 4) + Array("IHDR".utf8) + big(width, 4)
            + big(height, 4) + [8, 6, 0, 0, 0]
    }

    static func jpeg(_ width: Int, _ height: Int, padding: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = [0xFF, 0xD8]
        for _ in 0..<padding { bytes += [0xFF, 0xE1] + big(60_000, 2) + [UInt8](repeating: 0xFF, count: 59_998) }
        return bytes + [0xFF, 0xFF, 0xC2] + big(17, 2) + [8] + big(height, 2) + big(width, 2) + [3]
    }

    static func gif(_ width: Int, _ height: Int, frames: Int, frameWidth: Int? = nil) -> [UInt8] {
        var bytes = Array("GIF89a".utf8) + little(width, 2) + little(height, 2) + [0x80, 0, 0]
        bytes += [UInt8](repeating: 0, count: 6)
        for _ in 0..<frames {
            bytes += [0x21, 0xF9, 4, 0, 0, 0, 0, 0]
            bytes += [0x2C, 0, 0, 0, 0] + little(frameWidth ?? width, 2) + little(height, 2) + [0]
            bytes += [2, 3, 1, 2, 3, 1, 9, 0]
        }
        return bytes + [0x3B]
    }

    static func webp(_ kind: String, _ body: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + little(body.count + 12, 4) + Array("WEBP".utf8) + Array(kind.utf8)
            + little(body.count, 4) + body
    }

    @Test func readsEveryFormat() throws {
        let lossy: [UInt8] = [0, 0, 0, 0x9D, 0x01, 0x2A] + Self.little(300, 2) + Self.little(200, 2)
        let lossless: [UInt8] = [0x2F] + Self.little(299 | 199 << 14, 4)
        let canvas: [UInt8] = [0x02, 0, 0, 0] + Self.little(299, 3) + Self.little(199, 3)
        let frame = Array("ANMF".utf8) + Self.little(3, 4) + [1, 2, 3, 0]
        for (bytes, format, frames) in [
            (Self.png(300, 200), ImageHeader.Format.png, 1), (Self.jpeg(300, 200), .jpeg, 1),
            (Self.jpeg(300, 200, padding: 5), .jpeg, 1), (Self.gif(300, 200, frames: 1), .gif, 1),
            (Self.gif(300, 200, frames: 7), .gif, 7), (Self.webp("VP8 ", lossy), .webp, 1),
            (Self.webp("VP8L", lossless), .webp, 1), (Self.webp("VP8X", canvas) + frame + frame, .webp, 2),
        ] {
            let header = try #require(ImageHeader(bytes), "\(format)")
            #expect(header.format == format)
            #expect(header.width == 300 && header.height == 200)
            #expect(header.frames == frames)
        }
    }

    @Test func countsWhatADecoderWouldMake() throws {
        // A small screen with large frames, and the largest sides there are.
        #expect(try #require(ImageHeader(Self.gif(10, 10, frames: 2, frameWidth: 60_000))).pixels == 1_200_000)
        #expect(ImageHeader(Self.png(0xFFFF_FFFF, 0xFFFF_FFFF)) == nil)
        #expect(try #require(ImageHeader(Self.png(1 << 24, 1 << 24))).pixels == 1 << 48)
        #expect(ImageHeader(Self.png(0, 5)) == nil)
        let many = try #require(ImageHeader(Self.gif(60_000, 60_000, frames: 5000)))
        #expect(many.frames == 4096)
        #expect(many.pixels > 0)
    }

    @Test func neverTrapsOnWhateverBytes() {
        var random = SystemRandomNumberGenerator()
        let seeds = [
            Self.png(9, 9), Self.jpeg(9, 9, padding: 1), Self.gif(9, 9, frames: 3),
            Self.webp("VP8X", [2, 0, 0, 0, 1, 0, 0, 1, 0, 0]) + Array("ANMF".utf8) + [4, 0, 0, 0, 1, 2, 3, 4],
            Self.webp("VP8L", [0x2F, 1, 2, 3, 4]), Self.webp("VP8 ", [0, 0, 0, 0x9D, 0x01, 0x2A, 1, 0, 1, 0]),
        ]
        var readable = 0
        for round in 0..<60_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            if let header = ImageHeader(bytes) {
                readable += 1
                #expect(header.pixels > 0)
            }
        }
        #expect(readable > 1000)
    }
}
