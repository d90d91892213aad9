import MatrixIdentifiers
import OutboundHTTP
import Testing

@Suite(.timeLimit(.minutes(10))) struct KeptConnectionTests {
    private func client(_ change: (inout OutboundClient.Settings) -> Void = { _ in }) throws -> OutboundClient {
        var settings = OutboundClient.Settings(
            policy: AddressPolicy(allowed: [try #require(AddressRange("127.0.0.0/8"))]))
        change(&settings)
        return try OutboundClient(settings)
    }

    private func request(
        _ method: OutboundRequest.Method = .get, _ server: ScriptedServer, body: String = "", keeps: Bool = true,
        limit: Int = 10_000
    ) -> OutboundRequest {
        OutboundRequest(
            method, isTLS: false, host: "127.0.0.1", port: server.port, authority: "a.test", target: "/x", fields: [],
            body: Array(body.utf8), largestAnswer: limit, keepsConnection: keeps)
    }

    private func fault(_ client: OutboundClient, _ request: OutboundRequest) async throws -> OutboundFault? {
        do {
            _ = try await client.send(request, timeoutMs: 2000)
            return nil
        } catch let fault as OutboundFault {
            return fault
        }
    }

    @Test func oneConnectionCarriesManyRequests() async throws {
        let server = ScriptedServer((0..<6).map { .answer(ScriptedServer.ok("\($0)")) })
        let client = try client()
        for number in 0..<5 {
            let method = [OutboundRequest.Method.get, .put, .post, .delete, .get][number]
            let answer = try await client.send(
                request(method, server, body: number == 1 ? "{\"a\":1}" : ""), timeoutMs: 2000)
            #expect(answer.body == Array("\(number)".utf8))
            #expect(client.idleConnections == 1)
        }
        #expect(server.connections == 1)
        #expect(server.requests.map { $0.prefix { $0 != " " } } == ["GET", "PUT", "POST", "DELETE", "GET"])
        #expect(server.requests[1].hasSuffix("\r\n\r\n{\"a\":1}"))
        #expect(server.requests[2].lowercased().contains("content-length: 0"))
        #expect(!server.requests[0].lowercased().contains("connection: close"))
        // Who wants none that is kept gets one of its own.
        _ = try await client.send(request(server, keeps: false), timeoutMs: 2000)
        #expect(server.connections == 2)
        #expect(server.requests.last?.lowercased().contains("connection: close") == true)
        await client.shutDown()
        server.stop()
    }

    private func request(_ server: ScriptedServer, keeps: Bool) -> OutboundRequest {
        request(.get, server, keeps: keeps)
    }

    @Test func aKeptConnectionThatWasClosedIsReplaced() async throws {
        let server = ScriptedServer([
            .answer(ScriptedServer.ok("a")),
            // The second request comes over the kept connection, which ends without an answer: it is sent again.
            .close, .answer(ScriptedServer.ok("b")),
            // Half an answer is an answer: nobody sends that request again.
            .answerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        ])
        let client = try client()
        #expect(try await client.send(request(.put, server), timeoutMs: 2000).body == Array("a".utf8))
        #expect(try await client.send(request(.put, server), timeoutMs: 2000).body == Array("b".utf8))
        #expect(server.connections == 2 && server.requests.count == 3)
        #expect(try await fault(client, request(.put, server)) != nil)
        #expect(server.requests.count == 4)
        await client.shutDown()
        server.stop()
    }

    @Test func aFreshConnectionIsTriedOnce() async throws {
        let server = ScriptedServer([.close, .answer(ScriptedServer.ok("a"))])
        let client = try client()
        #expect(try await fault(client, request(.put, server)) == .closedEarly)
        #expect(server.requests.count == 1)
        await client.shutDown()
        server.stop()
    }

    @Test func whatMustNotBeKeptIsClosed() async throws {
        let server = ScriptedServer([
            .answer(ScriptedServer.ok("a", fields: "Connection: close\r\n")),
            .answer(ScriptedServer.ok(String(repeating: "x", count: 100))),
            .answer(ScriptedServer.ok("c")),
        ])
        let client = try client()
        _ = try await client.send(request(server, keeps: true), timeoutMs: 2000)
        #expect(client.idleConnections == 0)
        #expect(try await client.send(request(.get, server, limit: 50), timeoutMs: 2000).isCut)
        #expect(client.idleConnections == 0)
        _ = try await client.send(request(server, keeps: true), timeoutMs: 2000)
        #expect(server.connections == 3)
        await client.shutDown()
        server.stop()
    }

    @Test func anAbandonedRequestTakesItsConnectionAlong() async throws {
        let server = ScriptedServer([.answer(ScriptedServer.ok("a")), .answer(""), .answer(ScriptedServer.ok("c"))])
        let client = try client()
        _ = try await client.send(request(server, keeps: true), timeoutMs: 2000)
        await #expect(throws: OutboundFault.timedOut) {
            try await client.send(request(server, keeps: true), timeoutMs: 100)
        }
        #expect(try await client.send(request(server, keeps: true), timeoutMs: 2000).body == Array("c".utf8))
        #expect(server.connections == 2)
        await client.shutDown()
        server.stop()
    }

    @Test func idleConnectionsAreBoundedInNumberAndTime() async throws {
        let answers = (0..<4).map { ScriptedServer.Step.answer(ScriptedServer.ok("\($0)")) }
        let servers = (0..<4).map { _ in ScriptedServer(answers) }
        let client = try client {
            $0.mostIdle = 2
            $0.longestIdleMs = 300
        }
        for server in servers { _ = try await client.send(request(server, keeps: true), timeoutMs: 2000) }
        #expect(client.idleConnections == 2)
        // The oldest made room.
        _ = try await client.send(request(servers[3], keeps: true), timeoutMs: 2000)
        _ = try await client.send(request(servers[0], keeps: true), timeoutMs: 2000)
        #expect(servers.map(\.connections) == [2, 1, 1, 1])
        while client.idleConnections > 0 { try await Task.sleep(for: .milliseconds(10)) }
        await client.shutDown()
        for server in servers { server.stop() }
    }
}
