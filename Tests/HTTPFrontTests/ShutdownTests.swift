import HTTPFront
import Synchronization
import Testing

@Suite struct ShutdownTests {
    @Test func wakesLongPollsAndAnswersThem() async throws {
        let signal = ShutdownSignal()
        let waiting = Atomic(0)
        let metrics = MetricsRegistry()
        let pool = try WorkerPool(threads: 2, metrics: metrics)
        let routes = [
            Route(
                .get, "/sync",
                .async { _ in
                    waiting.add(1, ordering: .relaxed)
                    await signal.wait()
                    return .json(Array("\"woken\"".utf8))
                })
        ]
        // An address of its own: on 127.0.0.1 a test beside this one may be given the port as soon as it is free, and
        // the last connection below would then reach that one's server.
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(
                listeners: [HTTPListener(host: "127.66.7.1", port: 0)], limits: .patient),
            router: Router(routes), pool: pool, metrics: metrics, log: StructuredLog(sink: .nowhere),
            shutdownSignal: signal)
        let port = try await server.start()[0].port
        let connect = { try RawClient(address: 0x7F42_0701, port: port, seconds: 300) }
        let clients = try (0..<20).map { _ in try connect() }
        for client in clients { client.send("GET /sync HTTP/1.1\r\nHost: test\r\n\r\n") }
        while waiting.load(ordering: .relaxed) < clients.count { try await Task.sleep(for: .milliseconds(5)) }
        let idle = try connect()
        await server.shutdown(grace: .seconds(600))
        for client in clients {
            #expect(try client.receive().text == "\"woken\"")
            #expect(client.isClosedByServer())
        }
        #expect(idle.isClosedByServer())
        // A child process that a test beside this one is just starting has a copy of the listening socket until it runs its
        // program, so that the port may take connections a moment longer.
        var isListening = true
        for _ in 0..<500 where isListening {
            isListening = (try? connect()) != nil
            if isListening { try await Task.sleep(for: .milliseconds(20)) }
        }
        #expect(!isListening)
        #expect(metrics.text.contains("engram_http_connections 0\n"))
        pool.shutdown()
    }

    @Test func cancelsWhatDoesNotReturn() async throws {
        let cancelled = Atomic(false)
        let started = Atomic(false)
        let routes = [
            Route(
                .post, "/stubborn",
                .async { _ in
                    started.store(true, ordering: .relaxed)
                    do {
                        try await Task.sleep(for: .seconds(3600))
                    } catch {
                        cancelled.store(true, ordering: .relaxed)
                    }
                    return .emptyObject
                })
        ]
        let metrics = MetricsRegistry()
        let pool = try WorkerPool(threads: 2, metrics: metrics)
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(listeners: [HTTPListener(port: 0)], limits: .patient),
            router: Router(routes), pool: pool, metrics: metrics, log: StructuredLog(sink: .nowhere))
        let client = try RawClient(port: try await server.start()[0].port)
        client.send("POST /stubborn HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        while !started.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(5)) }
        await server.shutdown(grace: .milliseconds(50))
        let wasCancelled = cancelled.load(ordering: .relaxed)
        #expect(wasCancelled)
        #expect(try client.receive().status == 200)
        pool.shutdown()
    }

    @Test func aClientThatLeavesCancelsItsLongPollButNotItsWrite() async throws {
        let outcome = Mutex<[String: Bool]>([:])
        let started = Atomic(0)
        let gate = ShutdownSignal()
        let handler: @Sendable (HTTPRequest) async throws -> HTTPResponse = { request in
            started.add(1, ordering: .relaxed)
            if request.method == .get {
                await ShutdownSignal().wait()
            } else {
                await gate.wait()
            }
            outcome.withLock { $0[request.method.name] = Task.isCancelled }
            return .emptyObject
        }
        let routes = [Route(.get, "/wait", .async(handler)), Route(.post, "/wait", .async(handler))]
        try await TestServer.with(routes: routes) { test in
            for method in ["GET", "POST"] {
                let client = try test.client()
                client.send("\(method) /wait HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
                let count = method == "GET" ? 1 : 2
                while started.load(ordering: .relaxed) < count { try await Task.sleep(for: .milliseconds(5)) }
            }
            while !test.metrics.text.contains("engram_http_connections 0\n") {
                try await Task.sleep(for: .milliseconds(5))
            }
            gate.trigger()
            while outcome.withLock({ $0.count }) < 2 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(outcome.withLock { $0 } == ["GET": true, "POST": false])
        }
    }

    @Test func theSignalComesOnceAndToLatecomers() async {
        let signal = ShutdownSignal()
        let count = Atomic(0)
        signal.onTrigger { count.add(1, ordering: .relaxed) }
        let key = signal.onTrigger { count.add(100, ordering: .relaxed) }
        signal.remove(key)
        #expect(!signal.isTriggered)
        signal.trigger()
        signal.trigger()
        signal.onTrigger { count.add(10, ordering: .relaxed) }
        await signal.wait()
        #expect(signal.isTriggered)
        let total = count.load(ordering: .relaxed)
        #expect(total == 11)
    }
}
