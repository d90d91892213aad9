import HTTPFront
import TestSupport
import Testing

@Suite struct FuzzTests {
    private static let seeds = [
        "GET /_matrix/client/versions?a=b&c=%20 HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhelloGET /async HTTP/1.1\r\n\r\n",
        "PUT /small HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n1",
        "GET http://test/pooled/%C3%A9%2F HTTP/1.0\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n\r\n",
        "CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n",
    ]

    @Test func survivesMutatedRequests() async throws {
        try await TestServer.with(limits: .with { $0.maxHeaderBytes = 4096 }) { test in
            for seed in 0..<1500 {
                var random = SeededRandom(seed: UInt64(seed))
                let bytes = Self.mutated(&random)
                let client = try test.client()
                // In pieces, so that every state of the parser is met at the end of one.
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = 1 + random.below(rest.count)
                    client.send(Array(rest.prefix(count)))
                    rest = rest.dropFirst(count)
                }
                client.endSending()
                let answer = client.receiveAll()
                #expect(answer.isEmpty || answer.starts(with: "HTTP/1.1 ".utf8), "seed \(seed)")
            }
            #expect(try test.get("/_matrix/client/versions").status == 200)
            while !test.metrics.text.contains("engram_http_connections 0\n") {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(test.metrics.text.contains("buffered_body_bytes 0\n"))
            #expect(test.metrics.text.contains("requests_in_flight 0\n"))
        }
    }

    @Test func targetsNeverTrap() {
        for seed in 0..<20_000 {
            var random = SeededRandom(seed: UInt64(seed))
            let alphabet = Array("/%?&=+#ab0F\u{0}\u{FF}é*:h".utf8)
            let bytes = (0..<random.below(40)).map { _ in alphabet[random.below(alphabet.count)] }
            let text = String(decoding: bytes, as: UTF8.self)
            _ = PathParameters([(text, text)])[text]
            if let query = HTTPQuery(text) {
                for pair in query.pairs {
                    #expect(query.all(pair.name).contains { $0.utf8.elementsEqual(pair.value.utf8) })
                }
            }
        }
    }

    private static func mutated(_ random: inout SeededRandom) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0...random.below(3) { bytes += (random.pick(seeds) ?? "").utf8 }
        for _ in 0..<random.below(6) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            switch random.below(5) {
            case 0: bytes[place] = UInt8(random.below(256))
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(UInt8(random.below(256)), at: place)
            case 3: bytes.insert(contentsOf: bytes[place...].prefix(random.below(40)), at: random.below(bytes.count))
            default: bytes.removeLast(random.below(bytes.count))
            }
        }
        return bytes
    }
}
