import HTTPFront
import Testing

@Suite struct ServerTests {
    @Test func answersFromEveryKindOfHandler() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            for (target, body) in [
                ("/_matrix/client/versions", #"{"versions":["v1.11"]}"#), ("/pooled/a%2Fb", #""a/b""#), ("/async", "2"),
            ] {
                client.send("GET \(target) HTTP/1.1\r\nHost: test\r\n\r\n")
                let answer = try client.receive()
                #expect(answer.status == 200)
                #expect(answer.text == body)
                #expect(answer.header("content-type") == "application/json")
                #expect(answer.header("access-control-allow-origin") == "*")
                #expect(
                    answer.header("access-control-allow-headers") == "X-Requested-With, Content-Type, Authorization")
                #expect(answer.header("date")?.hasSuffix("GMT") == true)
                #expect(answer.header("connection") == nil)
            }
        }
    }

    @Test func refusesWithAStandardErrorResponse() async throws {
        try await TestServer.with { test in
            for (target, status, body) in [
                ("/nowhere", 404, #"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#),
                ("/echo", 405, #"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request method"}"#),
                ("/refused", 401, #"{"errcode":"M_UNKNOWN_TOKEN","error":"Unknown token","soft_logout":false}"#),
            ] {
                let answer = try test.get(target)
                #expect(answer.status == status)
                #expect(answer.text == body)
                #expect(answer.header("access-control-allow-origin") == "*")
            }
            let broken = try test.get("/broken")
            #expect(broken.status == 500)
            #expect(broken.text.contains("M_UNKNOWN"))
            #expect(!broken.text.contains("Broken"))
            #expect(try test.get("/echo").header("allow") == "POST, OPTIONS")
        }
    }

    @Test(arguments: [
        "/pooled/%", "/pooled/%2", "/pooled/%zz", "/pooled/%00", "/pooled/%ff", "/async?a=%c3", "relative",
    ])
    func refusesBrokenTargets(target: String) async throws {
        try await TestServer.with { test in
            let answer = try test.get(target)
            #expect(answer.status == 400)
            #expect(answer.text.contains("errcode"))
        }
    }

    @Test func answersHeadWithoutBodyAndOptionsWithoutLogic() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            client.send("HEAD /pooled/x HTTP/1.1\r\nHost: test\r\n\r\n")
            let head = try client.receive(isHead: true)
            #expect(head.status == 200)
            #expect(head.header("content-length") == "3")
            for target in ["/broken", "/nowhere", "/echo", "*"] {
                client.send("OPTIONS \(target) HTTP/1.1\r\nHost: test\r\n\r\n")
                let options = try client.receive()
                #expect(options.status == 204)
                #expect(options.header("access-control-allow-methods")?.contains("PUT") == true)
            }
        }
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            var text = ""
            for number in 0..<50 {
                text += "GET /pooled/\(number) HTTP/1.1\r\nHost: test\r\n\r\n"
                text += "GET /_matrix/client/versions HTTP/1.1\r\nHost: test\r\n\r\n"
                text += "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n\(number + 10)"
            }
            client.send(text)
            for number in 0..<50 {
                #expect(try client.receive().text == "\"\(number)\"")
                #expect(try client.receive().body == TestServer.versions)
                #expect(try client.receive().text == "\(number + 10)")
            }
        }
    }

    @Test func readsBodiesInChunksAndWithContinue() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            client.send(
                "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            )
            #expect(try client.receive().text == "abcde")
            client.send("POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            #expect(try client.receive().status == 100)
            client.send("fghij")
            #expect(try client.receive().text == "fghij")
            let large = [UInt8](repeating: 0x7A, count: 900_000)
            client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: \(large.count)\r\n\r\n")
            client.send(large)
            #expect(try client.receive().body == large)
            #expect(String(decoding: test.metrics.prometheusText(), as: UTF8.self).contains("buffered_body_bytes 0\n"))
        }
    }

    @Test func sendsLargeBodiesInChunksAndKeepsTheConnection() async throws {
        try await TestServer.with { test in
            let client = try test.client()
            for _ in 0..<3 {
                client.send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n")
                #expect(try client.receive().body.count == 3_000_000)
            }
        }
    }

    @Test func closesWhenAskedAndForOldClients() async throws {
        try await TestServer.with { test in
            let closing = try test.client()
            closing.send("GET /async HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            #expect(try closing.receive().header("connection") == "close")
            #expect(closing.isClosedByServer())
            let old = try test.client()
            old.send("GET /async HTTP/1.0\r\n\r\n")
            #expect(try old.receive().text == "2")
            #expect(old.isClosedByServer())
            let oldAndKept = try test.client()
            oldAndKept.send("GET /async HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try oldAndKept.receive().header("connection") == "keep-alive")
            oldAndKept.send("GET /async HTTP/1.0\r\n\r\n")
            #expect(try oldAndKept.receive().text == "2")
        }
    }

    @Test func doesNotChangeTheProtocol() async throws {
        try await TestServer.with { test in
            for request in [
                "GET /async HTTP/1.1\r\nHost: test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
                "CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n",
            ] {
                let client = try test.client()
                client.send(request)
                #expect(try client.receive().header("connection") == "close")
                #expect(client.isClosedByServer())
            }
        }
    }

    @Test func dropsHeaderFieldsThatCouldForgeOthers() async throws {
        try await TestServer.with { test in
            let answer = try test.get("/forged")
            #expect(answer.header("x-forged") == nil)
            #expect(answer.header("x-name") == nil)
            #expect(answer.header("x-good") == "c")
        }
    }

    @Test func believesTheProxyOnlyWhereItIsTrusted() async throws {
        let listeners = [HTTPListener(port: 0), HTTPListener(port: 0, xForwarded: true)]
        try await TestServer.with(listeners: listeners) { test in
            let fields = "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-Proto: https"
            for (address, expected) in zip(test.addresses, ["127.0.0.1 false", "1.2.3.4 true"]) {
                let client = try RawClient(port: address.port)
                client.send("GET /who HTTP/1.1\r\nHost: test\r\n\(fields)\r\n\r\n")
                #expect(try client.receive().text == expected)
            }
            let client = try RawClient(port: test.addresses[1].port)
            client.send("GET /who HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: <script>\r\n\r\n")
            #expect(try client.receive().text == "127.0.0.1 false")
        }
    }

    @Test func servesOnlyTheResourcesOfTheListener() async throws {
        let routes = [
            Route(.get, "/metrics", options: RouteOptions(resource: "metrics"), .immediate { _ in .emptyObject }),
            Route(.get, "/client", options: RouteOptions(resource: "client"), .immediate { _ in .emptyObject }),
        ]
        let listeners = [HTTPListener(port: 0, resources: ["client"]), HTTPListener(port: 0, resources: ["metrics"])]
        try await TestServer.with(routes: routes, listeners: listeners) { test in
            #expect(try test.get("/client").status == 200)
            #expect(try test.get("/metrics").status == 404)
            let other = try RawClient(port: test.addresses[1].port)
            other.send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(try other.receive().status == 200)
        }
    }

    @Test func countsRequestsByRouteAndStatus() async throws {
        try await TestServer.with { test in
            _ = try test.get("/pooled/a")
            _ = try test.get("/pooled/b")
            _ = try test.get("/refused")
            _ = try test.get("/nowhere")
            let text = String(decoding: test.metrics.prometheusText(), as: UTF8.self)
            let name = "engram_http_request_duration_seconds_count"
            #expect(text.contains(#"\#(name){method="GET",route="/pooled/{name}",status="2xx"} 2"#))
            #expect(text.contains(#"\#(name){method="GET",route="/refused",status="4xx"} 1"#))
            #expect(text.contains(#"\#(name){method="any",route="unmatched",status="4xx"} 1"#))
            #expect(!text.contains(#"route="/echo""#))
        }
    }
}
