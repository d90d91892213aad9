import Foundation
import MediaStore
import Testing

@testable import HTTPFront

/// Thumbnails by the real program; what needs it is left out where it is not installed.
@Suite(.enabled(if: Thumbnailer.installedProgram() != nil)) struct ThumbnailerTests {
    private static func with(
        memoryBytes: Int64 = 1 << 30, timeoutMs: Int32 = 60_000, program: String? = Thumbnailer.installedProgram(),
        _ body: (Thumbnailer, BlobStore) async throws -> Void
    ) async throws {
        let root = NSTemporaryDirectory() + "engram-thumbnails-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let store = try BlobStore(root: root, threads: 1)
        var rules = ThumbnailRules()
        rules.memoryBytes = memoryBytes
        rules.timeoutMs = timeoutMs
        let thumbnailer = try Thumbnailer(blobs: store, rules: rules, program: program)
        try await body(thumbnailer, store)
        thumbnailer.shutdown()
    }

    /// A PPM that `vipsthumbnail` turns into the picture that is wanted: no pictures lie in the repository.
    private static func picture(_ width: Int, _ height: Int, suffix: String) throws -> [UInt8] {
        let base = NSTemporaryDirectory() + "engram-picture-\(UUID().uuidString)"
        defer { for name in [".ppm", "." + suffix] { try? FileManager.default.removeItem(atPath: base + name) } }
        var bytes = Array("P6 \(width) \(height) 255\n".utf8)
        for place in 0..<(width * height) {
            bytes += [UInt8(truncatingIfNeeded: place), UInt8(truncatingIfNeeded: place / width), 90]
        }
        try Data(bytes).write(to: URL(fileURLWithPath: base + ".ppm"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Thumbnailer.installedProgram()))
        process.arguments = [base + ".ppm", "--size", "\(width)x\(height)", "--output", base + "." + suffix]
        try process.run()
        process.waitUntilExit()
        return try Array(Data(contentsOf: URL(fileURLWithPath: base + "." + suffix)))
    }

    private static func keep(_ content: [UInt8], _ store: BlobStore) throws -> String {
        let incoming = try store.begin()
        try incoming.write(content)
        let name = try store.keep(incoming).name
        store.release(name)
        return name
    }

    @Test(arguments: ["jpg", "png", "webp", "gif"])
    func makesEachFormatInEachWay(suffix: String) async throws {
        let content = try Self.picture(900, 500, suffix: suffix)
        try await Self.with { thumbnailer, store in
            let name = try Self.keep(content, store)
            for (request, width, height) in [
                (ThumbnailRequest(width: 30, height: 30, method: .crop), 32, 32),
                (ThumbnailRequest(width: 320, height: 100, method: .scale), 320, 178),
                // Twice: made, then found.
                (ThumbnailRequest(width: 320, height: 100, method: .scale), 320, 178),
            ] {
                let picture = try #require(try await thumbnailer.picture(of: name, request))
                let header = try #require(ImageHeader(picture.file))
                #expect(header.width == width && abs(header.height - height) <= 1)
                #expect(header.format.contentType == picture.contentType)
                #expect(picture.contentType == (suffix == "jpg" ? "image/jpeg" : "image/png"))
            }
            let whole = try #require(
                try await thumbnailer.picture(of: name, ThumbnailRequest(width: 640, height: 480, method: .scale)))
            #expect(ImageHeader(whole.file)?.width == 640)
        }
    }

    @Test func givesSmallPicturesAsTheyAre() async throws {
        let content = try Self.picture(20, 10, suffix: "png")
        try await Self.with { thumbnailer, store in
            let name = try Self.keep(content, store)
            let picture = try #require(
                try await thumbnailer.picture(of: name, ThumbnailRequest(width: 32, height: 32, method: .crop)))
            #expect(picture.file.length == Int64(content.count))
            #expect(picture.variant.isEmpty)
        }
    }

    @Test func manyAtOnceMakeOne() async throws {
        let content = try Self.picture(900, 500, suffix: "jpg")
        try await Self.with { thumbnailer, store in
            let name = try Self.keep(content, store)
            try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        let request = ThumbnailRequest(width: 96, height: 96, method: .crop)
                        return try await thumbnailer.picture(of: name, request)?.file.length ?? 0
                    }
                }
                var lengths: Set<Int64> = []
                for try await length in group { lengths.insert(length) }
                #expect(lengths.count == 1 && !lengths.contains(0))
            }
        }
    }

    @Test func refusesBombsAndWhatIsNoPicture() async throws {
        let request = ThumbnailRequest(width: 96, height: 96, method: .crop)
        try await Self.with { thumbnailer, store in
            for (content, refusal) in [
                (Array("hello".utf8), ThumbnailRefusal.notAPicture), (ImageHeaderTests.png(60_000, 60_000), .tooLarge),
                // The header is fine and nothing follows it.
                (ImageHeaderTests.png(2000, 2000), .notAPicture),
                (ImageHeaderTests.gif(60_000, 60_000, frames: 2), .tooLarge), ([], .notAPicture),
            ] {
                let name = try Self.keep(content, store)
                await #expect(throws: refusal) { _ = try await thumbnailer.picture(of: name, request) }
            }
            #expect(try await thumbnailer.picture(of: String(repeating: "0", count: 64), request) == nil)
        }
    }

    @Test func theProgramHasNoMoreMemoryThanItIsGiven() async throws {
        let content = try Self.picture(900, 500, suffix: "png")
        let request = ThumbnailRequest(width: 96, height: 96, method: .crop)
        try await Self.with(memoryBytes: 8 << 20) { thumbnailer, store in
            let name = try Self.keep(content, store)
            await #expect(throws: ThumbnailRefusal.self) { _ = try await thumbnailer.picture(of: name, request) }
        }
        try await Self.with(program: nil) { thumbnailer, store in
            let name = try Self.keep(content, store)
            await #expect(throws: ThumbnailRefusal.notInstalled) {
                _ = try await thumbnailer.picture(of: name, request)
            }
        }
        // A program that does nothing but wait is ended.
        try await Self.with(timeoutMs: 50, program: "/usr/bin/yes") { thumbnailer, store in
            let name = try Self.keep(content, store)
            await #expect(throws: ThumbnailRefusal.self) { _ = try await thumbnailer.picture(of: name, request) }
        }
    }
}
