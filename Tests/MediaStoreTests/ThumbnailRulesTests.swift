import MediaStore
import Testing

@Suite struct ThumbnailRulesTests {
    @Test(arguments: [
        // width, height, crop, expected
        (16, 16, true, "32x32 crop"), (32, 32, true, "32x32 crop"), (33, 33, true, "96x96 crop"),
        (150, 150, true, "320x240 scale"), (320, 240, false, "320x240 scale"), (330, 10, false, "640x480 scale"),
        (800, 600, false, "800x600 scale"), (4000, 4000, false, "800x600 scale"), (700, 500, true, "800x600 scale"),
        (1, 1, false, "320x240 scale"),
    ])
    func neverLessThanWasAskedFor(width: Int, height: Int, isCrop: Bool, expected: String) throws {
        let image = try #require(ImageHeader(ImageHeaderTests.png(4000, 3000)))
        let request = ThumbnailRequest(width: width, height: height, method: isCrop ? .crop : .scale)
        let size = ThumbnailRules().size(for: request, of: image)
        #expect("\(size.width)x\(size.height) \(size.method.rawValue)" == expected)
        var rules = ThumbnailRules()
        rules.isDynamic = true
        let exact = rules.size(for: request, of: image)
        #expect(exact.width == min(width, 1600) && exact.height == min(height, 1600) && exact.method == request.method)
    }
}
