import Foundation
import Synchronization
import Testing

@testable import HTTPFront

/// Bodies that are never in memory as a whole, in both directions.
@Suite struct StreamingTests {
    /// Counts the bytes and adds them up.
    private static func sum(_ request: HTTPRequest) async throws -> HTTPResponse {
        var count = 0
        var sum = 0
        while let bytes = try await request.bodyStream.next() {
            count += bytes.count
            for byte in bytes { sum &+= Int(byte) }
        }
        return .json(Array("[\(count),\(sum)]".utf8))
    }

    private static func routes(gate: Gate = Gate()) -> [Route] {
        let options = RouteOptions(maxBodyBytes: 8 << 20, streamsBody: true)
        return [
            Route(.post, "/sum", options: options, .async { try await sum($0) }),
            Route(.post, "/refuse", options: options, .async { _ in throw MatrixError.unrecognizedPath }),
            Route(
                .post, "/gated", options: options,
                .async { request in
                    gate.wait()
                    return try await sum(request)
                }),
            Route(.get, "/after", .pooled { _ in .json(Array("1".utf8)) }),
        ]
    }

    @Test(arguments: [0, 1, 70_000, 1_000_000, 8 << 20])
    func takesABodyAsItComes(length: Int) async throws {
        try await TestServer.with(routes: Self.routes()) { test in
            let client = try test.client()
            for _ in 0..<2 {
                client.send("POST /sum HTTP/1.1\r\nHost: t\r\nContent-Length: \(length)\r\n\r\n")
                client.send([UInt8](repeating: 3, count: length))
                #expect(try client.receive().text == "[\(length),\(length * 3)]")
            }
        }
    }

    @Test func takesAChunkedBodyAndWhatFollowsIt() async throws {
        try await TestServer.with(routes: Self.routes()) { test in
            let client = try test.client()
            client.send("POST /sum HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            client.send("2\r\nde\r\n0\r\n\r\nGET /after HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try client.receive().text == "[5,495]")
            #expect(try client.receive().text == "1")
        }
    }

    @Test func refusesBeforeTheBodyHasCome() async throws {
        try await TestServer.with(routes: Self.routes()) { test in
            let client = try test.client()
            client.send("POST /refuse HTTP/1.1\r\nHost: t\r\nContent-Length: 8000000\r\n\r\nabc")
            let answer = try client.receive()
            #expect(answer.status == 404)
            #expect(answer.header("connection") == "close")
        }
    }

    @Test func refusesWhatIsTooLongDeclaredOrNot() async throws {
        try await TestServer.with(routes: Self.routes()) { test in
            let declared = try test.client()
            declared.send("POST /sum HTTP/1.1\r\nHost: t\r\nContent-Length: 8388609\r\n\r\n")
            #expect(try declared.receive().status == 413)
            let chunked = try test.client()
            chunked.send("POST /sum HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = Array("100000\r\n".utf8) + [UInt8](repeating: 1, count: 1 << 20) + Array("\r\n".utf8)
            for _ in 0..<9 { chunked.send(chunk) }
            let answer = try chunked.receive()
            #expect(answer.status == 413)
            #expect(answer.text.contains("M_TOO_LARGE"))
        }
    }

    private static func buffered(_ test: TestServer) -> Int {
        let line = test.metrics.text.split(separator: "\n").first { $0.hasPrefix("engram_http_buffered_body_bytes ") }
        return line.flatMap { Int($0.split(separator: " ")[1].split(separator: ".")[0]) } ?? -1
    }

    @Test func holdsLittleWhileNobodyTakes() async throws {
        let gate = Gate()
        try await TestServer.with(routes: Self.routes(gate: gate)) { test in
            let client = try test.client()
            let length = 8 << 20
            client.send("POST /gated HTTP/1.1\r\nHost: t\r\nContent-Length: \(length)\r\n\r\n")
            nonisolated(unsafe) let sending = client
            let sender = Thread {
                sending.send([UInt8](repeating: 1, count: length))
            }
            sender.start()
            // Until the stream is full: what the server holds then is all it will hold.
            while Self.buffered(test) < 256 << 10 { usleep(1000) }
            #expect(Self.buffered(test) <= 512 << 10)
            gate.open()
            while !sender.isFinished { usleep(1000) }
            #expect(try client.receive().text == "[\(length),\(length)]")
            #expect(Self.buffered(test) == 0)
        }
    }

    @Test func tellsTheHandlerThatTheClientHasGone() async throws {
        let ended = Mutex<String?>(nil)
        let route = Route(
            .post, "/sum", options: RouteOptions(streamsBody: true),
            .async { request in
                do {
                    return try await Self.sum(request)
                } catch {
                    ended.withLock { $0 = "\(error)" }
                    throw error
                }
            })
        try await TestServer.with(routes: [route]) { test in
            do {
                let client = try test.client()
                client.send("POST /sum HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nabc")
            }
            while ended.withLock({ $0 == nil }) { usleep(1000) }
            #expect(ended.withLock { $0 } == "disconnected")
        }
    }

    // MARK: Files

    private static func file(_ length: Int) throws -> String {
        let path = NSTemporaryDirectory() + "engram-file-\(UUID().uuidString)"
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    private static func serving(_ path: String) -> [Route] {
        [
            Route(
                .get, "/file",
                .pooled { request in
                    guard let file = OpenFile(path: path) else { throw MatrixError.unrecognizedPath }
                    return .file(file, entityTag: "\"x\"", headers: [("Content-Type", "image/png")], for: request)
                })
        ]
    }

    @Test(arguments: [0, 1, 65_536, 65_537, 1_000_003])
    func sendsAFileInParts(length: Int) async throws {
        let path = try Self.file(length)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        try await TestServer.with(routes: Self.serving(path)) { test in
            let client = try test.client()
            func ask(_ fields: String, method: String = "GET") throws -> RawClient.Answer {
                client.send("\(method) /file HTTP/1.1\r\nHost: t\r\n\(fields)\r\n")
                return try client.receive(isHead: method == "HEAD")
            }
            let whole = try ask("")
            #expect(whole.status == 200)
            #expect(whole.body == bytes)
            #expect(whole.header("etag") == "\"x\"")
            let head = try ask("", method: "HEAD")
            #expect(head.header("content-length") == "\(length)")
            #expect(try ask("If-None-Match: \"y\", W/\"x\"\r\n").status == 304)
            guard length > 1 else { return }
            let part = try ask("Range: bytes=1-\(length - 2)\r\n")
            #expect(part.status == 206)
            #expect(part.body == Array(bytes[1..<(length - 1)]))
            #expect(part.header("content-range") == "bytes 1-\(length - 2)/\(length)")
            #expect(try ask("Range: bytes=-5\r\nIf-Range: \"x\"\r\n").body == Array(bytes.suffix(5)))
            #expect(try ask("Range: bytes=-5\r\nIf-Range: \"z\"\r\n").body.count == length)
            let beyond = try ask("Range: bytes=\(length)-\r\n")
            #expect(beyond.status == 416)
            #expect(beyond.header("content-range") == "bytes */\(length)")
        }
    }

    @Test(arguments: [
        ("bytes=0-0", ByteRange.part(0..<1)), ("bytes=5-", .part(5..<10)), ("bytes=-3", .part(7..<10)),
        ("bytes=-30", .part(0..<10)), ("bytes=2-99", .part(2..<10)), ("Bytes= 2 - 4 ", .part(2..<5)),
        ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=4-2", .whole), ("bytes=-", .whole),
        ("bytes=0-1,3-4", .whole), ("lines=1-2", .whole), ("bytes=a-b", .whole), ("bytes=1 2-", .whole),
        ("bytes=99999999999999999999999-", .unsatisfiable), ("bytes=0-99999999999999999999999", .part(0..<10)),
    ])
    func readsRanges(field: String, expected: ByteRange) {
        #expect(ByteRange(field: field, length: 10) == expected)
    }

    @Test func rangesOfAnyBytesNeverTrap() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let text =
                "bytes="
                + (0..<Int.random(in: 0...24, using: &random)).map { _ in
                    String("0123456789-, =x".randomElement(using: &random) ?? "0")
                }.joined()
            let length = Int64.random(in: 0...Int64.max, using: &random) >> Int64.random(in: 0...62, using: &random)
            if case .part(let part) = ByteRange(field: text, length: length) {
                #expect(part.lowerBound >= 0 && part.upperBound <= length && !part.isEmpty)
            }
        }
    }

    @Test func endsTheConnectionWhenTheFileIsShorterThanItsHeaderSaid() async throws {
        let path = try Self.file(1_000_000)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let route = Route(
            .get, "/file",
            .pooled { _ in
                guard let file = OpenFile(path: path) else { throw MatrixError.unrecognizedPath }
                truncate(path, 500_000)
                return HTTPResponse(status: 200, file: FileBody(file))
            })
        try await TestServer.with(routes: [route]) { test in
            let client = try test.client()
            client.send("GET /file HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(client.receiveAll().count < 1_000_000)
        }
    }
}
