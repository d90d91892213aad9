import Synchronization
import Testing

@testable import HTTPFront

@Suite struct MetricsTests {
    @Test func rendersPrometheusText() {
        let registry = MetricsRegistry()
        registry.counter("b_total", help: "Things\nthat \\happened.", labels: [("kind", "a\"b\\c\nd")]).add(3)
        registry.counter("b_total", help: "", labels: [("kind", "plain")]).add()
        _ = registry.counter("hidden_total", help: "Nothing.", hiddenWhenZero: true)
        registry.gauge("a_level", help: "A level.").set(-4)
        registry.gauge("d_computed", help: "Computed.") { 0.25 }
        let histogram = registry.histogram(
            "c_seconds", help: "Times.", labels: [("route", "/x")], buckets: [0.1, 0.5, 1])
        for value in [0.05, 0.1, 0.3, 2] { histogram.observe(value) }
        #expect(
            registry.text == """
                # HELP a_level A level.
                # TYPE a_level gauge
                a_level -4
                # HELP b_total Things\\nthat \\\\happened.
                # TYPE b_total counter
                b_total{kind="a\\"b\\\\c\\nd"} 3
                b_total{kind="plain"} 1
                # HELP c_seconds Times.
                # TYPE c_seconds histogram
                c_seconds_bucket{route="/x",le="0.1"} 2
                c_seconds_bucket{route="/x",le="0.5"} 3
                c_seconds_bucket{route="/x",le="1"} 3
                c_seconds_bucket{route="/x",le="+Inf"} 4
                c_seconds_sum{route="/x"} 2.45
                c_seconds_count{route="/x"} 4
                # HELP d_computed Computed.
                # TYPE d_computed gauge
                d_computed 0.25

                """)
    }

    @Test func theSameNameAndLabelsAreTheSameMetric() {
        let registry = MetricsRegistry()
        registry.counter("a_total", help: "", labels: [("x", "y")]).add()
        registry.counter("a_total", help: "", labels: [("x", "y")]).add(-5)
        #expect(registry.counter("a_total", help: "", labels: [("x", "y")]).value == 1)
        #expect(registry.counter("a_total", help: "", labels: [("x", "z")]).value == 0)
    }
}

@Suite struct LogTests {
    private final class Lines: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        func add(_ more: [UInt8]) { bytes.withLock { $0 += more } }
        var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
    }

    private func log(_ format: StructuredLog.Format, _ lines: Lines) -> StructuredLog {
        StructuredLog(format: format, sink: .closure { lines.add($0) }, wallClock: { 1_769_860_800_042 })
    }

    @Test func writesPlainLines() {
        let lines = Lines()
        let log = log(.plain, lines)
        log.info("listening", [("port", "8008"), ("name", "a b"), ("empty", "")])
        log.debug("not written")
        log.error("bad\nline", [("v", "x\ny\u{1B}[2J")])
        log.flush()
        #expect(
            lines.text == """
                2026-01-31T12:00:00.042Z info listening port=8008 name="a b" empty=""
                2026-01-31T12:00:00.042Z error bad?line v="x\\ny\\u001b[2J"

                """)
        log.close()
    }

    @Test func writesJSONLinesAndChangesLevel() {
        let lines = Lines()
        let log = log(.json, lines)
        log.minimumLevel = .debug
        log.debug("a \"b\"", [("k", "v")])
        log.flush()
        #expect(
            lines.text == #"{"time":"2026-01-31T12:00:00.042Z","level":"debug","message":"a \"b\"","k":"v"}"# + "\n")
        log.close()
    }

    @Test func theThreadWritesWithoutBeingAsked() async throws {
        let lines = Lines()
        let log = log(.plain, lines)
        log.warning("on its own")
        while lines.text.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        #expect(lines.text.hasSuffix("warning on its own\n"))
    }

    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_769_860_800_999, "Sat, 31 Jan 2026 12:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (4_107_542_399_000, "Sun, 28 Feb 2100 23:59:59 GMT"), (4_107_542_400_000, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] as [(Int64, String)])
    func rendersDates(milliseconds: Int64, expected: String) {
        var bytes: [UInt8] = []
        CivilTime(millisecondsSince1970: milliseconds).appendHTTPDate(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }
}

@Suite struct WorkerPoolTests {
    @Test func runsEverythingItTakesAndRefusesTheRest() throws {
        let pool = try WorkerPool(threads: 3, queueLimit: 5000, metrics: MetricsRegistry())
        let done = Atomic(0)
        var taken = 0
        for _ in 0..<2000 where pool.run({ done.add(1, ordering: .relaxed) }) { taken += 1 }
        #expect(taken == 2000)
        pool.shutdown()
        let total = done.load(ordering: .relaxed)
        #expect(total == 2000)
        #expect(!pool.run { done.add(1, ordering: .relaxed) })
    }

    @Test func tasksRunOnItAndSurviveItsEnd() async throws {
        let pool = try WorkerPool(threads: 2, metrics: MetricsRegistry())
        let total = await withTaskGroup(of: Int.self) { group in
            for number in 0..<500 {
                group.addTask(executorPreference: pool) {
                    await Task.yield()
                    return number
                }
            }
            return await group.reduce(0, +)
        }
        #expect(total == 124_750)
        pool.shutdown()
        #expect(await Task(executorPreference: pool) { 7 }.value == 7)
    }
}
