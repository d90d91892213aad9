import EventLog
import HTTPFront
import ProjectionEngine
import Queries

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
                body: Array(metrics.text().utf8)
            )
        }
        return [
            Route(.get, "/health") { _ in
                // A halted projection answers old data: load balancers should know.
                if let halted = storage.engine.halted {
                    return HTTPResponse(
                        status: 503, headers: [("Content-Type", "text/plain")],
                        body: Array("projection \(halted.name) halted at \(halted.position): \(halted.reason)\n".utf8))
                }
                return HTTPResponse(status: 200, headers: [("Content-Type", "text/plain")], body: Array("OK".utf8))
            },
            Route(.get, "/metrics", options: RouteOptions(resource: "metrics"), .pooled(scrape)),
            Route(.get, "/_synapse/metrics", options: RouteOptions(resource: "metrics"), .pooled(scrape)),
        ]
    }

    private func registerGauges() {
        let storage = storage
        let notifier = notifier
        metrics.gauge("engram_log_head", "Position of the last durable record.") {
            Double(storage.eventLog.durableHead.rawValue)
        }
        metrics.gauge("engram_projection_position", "Position up to which the projections were built.") {
            Double(storage.views.head.rawValue)
        }
        metrics.gauge("engram_projection_lag", "Records that are durable but not yet projected.") {
            Double(storage.eventLog.durableHead.rawValue) - Double(storage.views.head.rawValue)
        }
        metrics.gauge("engram_log_commits_total", "Group commits since the start.") {
            Double(storage.eventLog.statistics.commits)
        }
        metrics.gauge("engram_log_records_total", "Records appended since the start; divide by commits for the batch size.") {
            Double(storage.eventLog.statistics.records)
        }
        metrics.gauge("engram_log_map_use", "Share of the log's memory map that is used; it grows by itself.") {
            storage.eventLog.mapUse
        }
        metrics.gauge("engram_waiting_polls", "Long polls that wait.") { Double(notifier.waiting) }
    }
}
