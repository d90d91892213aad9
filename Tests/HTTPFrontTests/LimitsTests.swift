import HTTPFront
import Testing

@Suite struct LimitsTests {
    @Test func refusesADeclaredLengthBeforeReadingTheBody() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            client.send("PUT /small HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999\r\n\r\n")
            let answer = try client.receive()
            #expect(answer.status == 413)
            #expect(answer.text.contains("M_TOO_LARGE"))
            #expect(answer.header("connection") == "close")
            client.endSending()
            #expect(client.isClosedByServer())
        }
    }

    @Test func theClientSeesTheRefusalThoughItGoesOnSending() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            let body = [UInt8](repeating: 0x61, count: 3_000_000)
            client.send("PUT /small HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.count)\r\n\r\n")
            client.send(body)
            #expect(try client.receive().status == 413)
        }
    }

    @Test func refusesAChunkedBodyThatGrowsTooLarge() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            client.send("PUT /small HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<4 { client.send("20\r\n\(String(repeating: "x", count: 32))\r\n") }
            #expect(try client.receive().status == 413)
        }
    }

    @Test func bodiesOfExactlyTheLimitPass() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            let body = String(repeating: "y", count: 100)
            client.send("PUT /small HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n\(body)")
            #expect(try client.receive().text == body)
        }
    }

    @Test func refusesWithoutContinueWhatItWouldNotTake() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            client.send("PUT /nowhere HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            #expect(try client.receive().status == 404)
        }
    }

    @Test func dropsTheBodyOfAnUnknownRequestAndKeepsTheConnection() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            client.send("PUT /nowhere HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nabcde")
            #expect(try client.receive().status == 404)
            client.send("GET /async HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(try client.receive().status == 200)
        }
    }

    @Test func refusesHeadersThatAreTooLarge() async throws {
        try await TestServer.with(limits: .with { $0.maxHeaderBytes = 2000 }) { test in
            let one = try test.client()
            one.send("GET /async HTTP/1.1\r\nHost: test\r\nX-Long: \(String(repeating: "a", count: 3000))\r\n\r\n")
            #expect(try one.receive().status == 431)
            let many = try test.client()
            let fields = (0..<200).map { "X-\($0): \($0)\r\n" }.joined()
            many.send("GET /async HTTP/1.1\r\nHost: test\r\n\(fields)\r\n")
            #expect(try many.receive().status == 431)
            let target = try test.client()
            target.send("GET /\(String(repeating: "a", count: 3000)) HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(try target.receive().status == 431)
        }
    }

    @Test(arguments: [
        "GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nbroken header\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nContent-Length: -3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func answersMalformedRequestsWithJSON(request: String) async throws {
        try await TestServer.with { test in
            let client = try test.client()
            client.send(request)
            let answer = try client.receive()
            #expect(answer.status == 400)
            #expect(answer.text.contains("errcode"))
            client.endSending()
            #expect(client.isClosedByServer())
        }
    }

    @Test func closesOnSlowHeadersSlowBodiesAndIdleConnections() async throws {
        let limits = HTTPLimits.with {
            $0.headerTimeout = 100
            $0.bodyTimeout = 100
            $0.idleTimeout = 100
            $0.lingerTimeout = 100
        }
        try await TestServer.with(limits: limits) { test in
            let silent = try test.client()
            #expect(silent.isClosedByServer())
            let slowHeader = try test.client()
            slowHeader.send("GET /async HTTP/1.1\r\nHo")
            #expect(slowHeader.isClosedByServer())
            let slowBody = try test.client()
            slowBody.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nab")
            #expect(slowBody.isClosedByServer())
            let idle = try test.client()
            idle.send("GET /async HTTP/1.1\r\nHost: test\r\n\r\n")
            _ = try idle.receive()
            #expect(idle.isClosedByServer())
            let lingering = try test.client()
            lingering.send("PUT /small HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n")
            _ = try lingering.receive()
            #expect(lingering.isClosedByServer())
        }
    }

    @Test func closesOnAClientThatDoesNotTakeItsResponse() async throws {
        let limits = HTTPLimits.with {
            $0.writeTimeout = 100
            $0.minBodyBytesPerSecond = 1 << 30
        }
        // More than the socket buffers of both ends hold.
        let routes = [
            Route(
                .get, "/huge", .pooled { _ in HTTPResponse(status: 200, body: [UInt8](repeating: 1, count: 64 << 20)) })
        ]
        try await TestServer.with(routes: routes, limits: limits) { test in
            let client = try test.client()
            client.send("GET /huge HTTP/1.1\r\nHost: test\r\n\r\n")
            while test.metrics.text.contains("timed_out_total 0\n") { try await Task.sleep(for: .milliseconds(10)) }
            #expect(client.receiveAll().count < 64 << 20)
        }
    }

    @Test func refusesConnectionsOverTheCap() async throws {
        try await TestServer.with(limits: .with { $0.maxConnections = 2 }) { test in
            var clients: [RawClient] = []
            for _ in 0..<2 {
                let client = try test.client()
                client.send("GET /async HTTP/1.1\r\nHost: test\r\n\r\n")
                _ = try client.receive()
                clients.append(client)
            }
            let third = try test.client()
            third.send("GET /async HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(third.isClosedByServer())
            #expect(clients.count == 2)
        }
    }

    @Test func refusesBodiesWhenMemoryForThemIsUsedUp() async throws {
        try await TestServer.with(limits: .with { $0.maxBufferedBodyBytes = 1000 }) { test in
            let client = try test.client()
            client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\n")
            client.send([UInt8](repeating: 0x61, count: 5000))
            let answer = try client.receive()
            #expect(answer.status == 503)
            #expect(answer.text.contains("M_LIMIT_EXCEEDED"))
            #expect(test.metrics.text.contains("buffered_body_bytes 0\n"))
        }
    }

    @Test func refusesWhenThePoolIsFull() async throws {
        let held = Gate()
        let routes = [
            Route(
                .get, "/held",
                .pooled { _ in
                    held.wait()
                    return .emptyObject
                })
        ]
        try await TestServer.with(routes: routes, poolThreads: 1, queueLimit: 1) { test in
            let clients = try (0..<2).map { _ in try test.client() }
            for client in clients {
                client.send("GET /held HTTP/1.1\r\nHost: test\r\n\r\n")
                // The first occupies the thread, the second the queue.
                if client === clients[0] { while !held.isOccupied { try await Task.sleep(for: .milliseconds(5)) } }
            }
            while !test.pool.isSaturated { try await Task.sleep(for: .milliseconds(5)) }
            let answer = try test.get("/held")
            #expect(answer.status == 503)
            #expect(answer.text.contains("M_LIMIT_EXCEEDED"))
            #expect(answer.header("retry-after") == "1")
            held.open()
            for client in clients { #expect(try client.receive().status == 200) }
        }
    }

    @Test func countsRequestsOfAnAddress() async throws {
        let limiter = RateLimiter(limits: ["login": .init(perSecond: 0.001, burst: 2)], now: { 1_000_000_000 })
        let routes = [
            Route(.get, "/login", options: RouteOptions(rateLimitClass: "login"), .immediate { _ in .emptyObject })
        ]
        try await TestServer.with(routes: routes, rateLimiter: limiter) { test in
            #expect(try test.get("/login").status == 200)
            #expect(try test.get("/login").status == 200)
            let answer = try test.get("/login")
            #expect(answer.status == 429)
            #expect(answer.text.contains(#""retry_after_ms":1000000"#))
            #expect(answer.header("retry-after") == "1000")
        }
    }
}
