package import CommandHandling
package import HTTPFront
package import ProjectionEngine
package import Queries
import ReadModel
import Synchronization

/// Tells push gateways of what concerns their users.
///
/// The log is the queue: the reactor walks behind the projections, and durable cursors in the log's environment say how far
/// each pusher has come, so that after a crash everything is pushed at least once and hardly anything twice. Replay cannot
/// reach it.
package final class PushReactor: Sendable {
    package struct Settings: Sendable {
        /// `push.include_content`.
        package var includesContent = true
        /// Requests at a time, to all gateways and to each.
        package var mostInFlight = 64
        package var mostInFlightPerHost = 8
        /// While a gateway does not answer, messages older than this are given up.
        package var staleAfterMs: Int64 = 24 * 3_600_000
        /// How often waiting lines are looked at when nothing happens.
        package var tickMs: Int64 = 200

        package init() {}
    }

    private let queries: PushQueries
    private let commands: PushCommands
    private let cursors: any ReactorCursors
    private let client: any PushGatewayClient
    private let settings: Settings
    private let nowMs: @Sendable () -> Int64
    private let log: StructuredLog?
    private let inbox = PushInbox()
    private let lastLoad = Mutex((pushers: 0, behind: 0, inFlight: 0))

    package init(
        queries: PushQueries,
        commands: PushCommands,
        cursors: any ReactorCursors,
        client: any PushGatewayClient,
        settings: Settings = Settings(),
        nowMs: @escaping @Sendable () -> Int64,
        log: StructuredLog? = nil
    ) {
        self.queries = queries
        self.commands = commands
        self.cursors = cursors
        self.client = client
        self.settings = settings
        self.nowMs = nowMs
        self.log = log
    }

    /// Takes note of a batch that the views now hold; quick, and losing one is harmless.
    package func applied(_ batch: AppliedBatch) { inbox.touch(batch.users) }

    /// How many pushers there are, how many are behind, and how many requests are under way.
    package var load: (pushers: Int, behind: Int, inFlight: Int) { lastLoad.withLock { $0 } }

    /// Works until its task is cancelled.
    package func run() async {
        guard var desk = openDesk() else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in await tick() }
            inbox.wake()
            for await _ in inbox.wakeUps {
                if Task.isCancelled { break }
                for delivery in step(&desk) {
                    group.addTask { [self] in await deliver(delivery) }
                }
            }
            group.cancelAll()
        }
        // What was told while the end was near is not told again.
        for report in inbox.take().finished { desk.finish(report, nowMs: nowMs()) }
        desk.storeCursors(nowMs: .max)
    }

    private func openDesk() -> PushDesk? {
        do {
            return try PushDesk(queries, cursors, settings, log)
        } catch {
            log?.error("pushing does not start", [("fault", "\(error)")])
            return nil
        }
    }

    /// Looks at what is new and answers what to deliver. A fault of the store is met again at the next look.
    private func step(_ desk: inout PushDesk) -> [PushDelivery] {
        let contents = inbox.take()
        let now = nowMs()
        for report in contents.finished { desk.finish(report, nowMs: now) }
        var started: [PushDelivery] = []
        do {
            if try desk.look(nowMs: now) { inbox.wake() }
            desk.askForBadges(of: contents.touched, nowMs: now)
            started = try desk.start(nowMs: now)
        } catch {
            log?.warning("pushing was held up", [("fault", "\(error)")])
        }
        desk.storeCursors(nowMs: now)
        let load = desk.load
        lastLoad.withLock { $0 = load }
        return started
    }

    private func deliver(_ delivery: PushDelivery) async {
        let report = await delivery.run(queries, client, commands, includesContent: settings.includesContent)
        // Whoever was cancelled does not know whether the gateway got it: it stays where it is and comes again.
        if Task.isCancelled, case .failed = report.outcome { return }
        inbox.finish(report)
    }

    private func tick() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .milliseconds(settings.tickMs)) } catch { return }
            inbox.wake()
        }
    }
}
