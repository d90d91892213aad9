import NIOCore
import Synchronization

/// What all connections of one listener share.
final class ListenerContext: Sendable {
    let listener: HTTPListener
    let limits: HTTPLimits
    let router: Router
    let pool: WorkerPool
    let log: StructuredLog
    let logsRequests: Bool
    let rateLimiter: RateLimiter?
    let unlimitedAddresses: Set<String>
    let shutdown: ShutdownSignal
    let metrics: FrontMetrics
    let dateField: DateField
    let tls: TLSContextBox?

    init(
        listener: HTTPListener, configuration: HTTPServerConfiguration, router: Router, pool: WorkerPool,
        log: StructuredLog, shutdown: ShutdownSignal, metrics: FrontMetrics, dateField: DateField
    ) throws {
        self.listener = listener
        limits = configuration.limits
        self.router = router
        self.pool = pool
        self.log = log
        logsRequests = configuration.logsRequests
        rateLimiter = configuration.rateLimiter
        unlimitedAddresses = configuration.unlimitedAddresses
        self.shutdown = shutdown
        self.metrics = metrics
        self.dateField = dateField
        tls = try listener.tls.map { try TLSContextBox($0) }
    }
}

/// What the front counts, for all listeners together.
final class FrontMetrics: Sendable {
    let connections = MetricGauge()
    let requestsInFlight = MetricGauge()
    let bufferedBodyBytes = MetricGauge()
    let requestNumbers = Atomic<UInt64>(0)
    let connectionsRefused: MetricCounter
    let connectionsTimedOut: MetricCounter
    let malformedRequests: MetricCounter
    private let latencies: [MetricHistogram]
    private static let statusClasses = 5

    init(registry: MetricsRegistry, router: Router) {
        connectionsRefused = registry.counter(
            "engram_http_connections_refused_total", help: "Connections closed because there were too many.")
        connectionsTimedOut = registry.counter(
            "engram_http_connections_timed_out_total", help: "Connections closed because the client was too slow.")
        malformedRequests = registry.counter(
            "engram_http_malformed_requests_total", help: "Requests that were not HTTP, or too large.")
        var latencies: [MetricHistogram] = []
        let unmatched = [("method", "any"), ("route", "unmatched")]
        let labels = router.routes.map { [("method", $0.method.name), ("route", $0.template)] } + [unmatched]
        for label in labels {
            for statusClass in 1...Self.statusClasses {
                latencies.append(
                    registry.histogram(
                        "engram_http_request_duration_seconds", help: "From the complete request to its response.",
                        labels: label + [("status", "\(statusClass)xx")], hiddenWhenZero: true))
            }
        }
        self.latencies = latencies
        registry.gauge("engram_http_connections", help: "Open connections of clients.") {
            [connections] in Double(connections.value)
        }
        registry.gauge("engram_http_requests_in_flight", help: "Requests whose handler has not ended.") {
            [requestsInFlight] in Double(requestsInFlight.value)
        }
        registry.gauge("engram_http_buffered_body_bytes", help: "Bodies of requests that are not answered yet.") {
            [bufferedBodyBytes] in Double(bufferedBodyBytes.value)
        }
    }

    /// Notes a response; a route of nil stands for requests that matched none.
    func observe(route: Int?, status: Int, nanoseconds: UInt64) {
        let row = route ?? latencies.count / Self.statusClasses - 1
        let column = min(max(status / 100, 1), Self.statusClasses) - 1
        let index = row * Self.statusClasses + column
        guard latencies.indices.contains(index) else { return }
        latencies[index].observe(nanoseconds: nanoseconds)
    }
}

/// The value of the `Date` field, rendered once a second.
final class DateField: Sendable {
    private let cached: Mutex<(second: Int64, bytes: [UInt8])> = Mutex((-1, []))

    /// The whole field with its line end.
    func current() -> [UInt8] {
        let second = MonotonicTime.wallMilliseconds() / 1000
        return cached.withLock { cached in
            if cached.second != second {
                var bytes = Array("Date: ".utf8)
                CivilTime(millisecondsSince1970: second * 1000).appendHTTPDate(to: &bytes)
                bytes += "\r\n".utf8
                cached = (second, bytes)
            }
            return cached.bytes
        }
    }
}
