import EventLog
import HTTPFront
import KeyValueStore
import ProjectionEngine
import Queries
import ReadModel

/// `/health` and `/metrics`.
struct HousekeepingRoutes {
    let storage: Storage
    let metrics: MetricsRegistry
    let notifier: ChangeNotifier

    var routes: [Route] {
        registerGauges()
        let metrics = metrics
        let storage = storage
        let scrape: @Sendable (HTTPRequest) throws -> HTTPResponse = { _ in
            HTTPResponse(
                status: 200,
                headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: metrics.prometheusText()
            )
        }
        let health: @Sendable (HTTPRequest) throws -> HTTPResponse = { _ in
            let plain = [("Content-Type", "text/plain; charset=utf-8")]
            // A halted projection answers old data: load balancers should know.
            if let halted = storage.engine.halted {
                let text = "projection \(halted.name) halted at \(halted.position): \(halted.reason)\n"
                return HTTPResponse(status: 503, headers: plain, body: Array(text.utf8))
            }
            return HTTPResponse(status: 200, headers: plain, body: Array("OK".utf8))
        }
        return [
            Route(.get, "/health", .pooled(health)),
            Route(.get, "/metrics", options: RouteOptions(resource: "metrics"), .pooled(scrape)),
            Route(.get, "/_synapse/metrics", options: RouteOptions(resource: "metrics"), .pooled(scrape)),
        ]
    }

    private func registerGauges() {
        let storage = storage
        let notifier = notifier
        metrics.gauge("engram_log_head", help: "Position of the last durable record.") {
            Double(storage.eventLog.durableHead.rawValue)
        }
        metrics.gauge("engram_projection_position", help: "Position up to which the projections were built.") {
            Double(storage.views.head.rawValue)
        }
        metrics.gauge("engram_projection_lag", help: "Records that are durable but not yet projected.") {
            Double(storage.eventLog.durableHead.rawValue) - Double(storage.views.head.rawValue)
        }
        metrics.gauge("engram_log_map_use", help: "Used share of the log's memory map, which grows by itself.") {
            guard let usage = try? storage.eventLog.usage, usage.mapBytes > 0 else { return 0 }
            return Double(usage.usedBytes) / Double(usage.mapBytes)
        }
        metrics.gauge("engram_waiting_polls", help: "Long polls that wait.") { Double(notifier.waiting) }
    }
}
