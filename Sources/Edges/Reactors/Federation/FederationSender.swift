package import EventLog
package import FederationCommands
package import HTTPFront
package import MatrixIdentifiers
package import ProjectionEngine
package import Queries
import ReadModel
import Synchronization

/// Tells other servers what happens here: events, messages to devices, changes of devices, and what is ephemeral.
///
/// The log is the queue: the sender walks behind the projections, and durable cursors in the log's environment say how far
/// it has come and how far each destination is behind. After a crash everything is told at least once. Replay cannot
/// reach it.
package final class FederationSender: Sendable {
    package struct Settings: Sendable {
        /// Transactions at a time, each to another destination.
        package var mostInFlight = 64
        /// Whoever is so many records behind, or was away for so long, is told the newest event of each room only.
        package var catchUpBehind: UInt64 = 10_000
        package var catchUpDownMs: Int64 = 3_600_000
        /// `allow_device_name_lookup_over_federation`.
        package var namesDevices = false
        /// How often lines that wait are looked at when nothing happens.
        package var tickMs: Int64 = 200
        package var storeEveryMs: Int64 = 1_000
        /// "online" is said again after so long, before others stop believing it.
        package var presenceRepeatMs: Int64 = 20 * 60_000
        package var recordsAtOnce = 512
        package var recordsOfSearch = 8_192

        package init() {}
    }

    private let log: any EventLog
    private let destinations: DestinationQueries
    private let cursors: any DestinationCursors
    private let servers: any RemoteServers
    private let ephemeral: EphemeralState?
    private let settings: Settings
    /// Says this run from all others.
    private let run: String
    private let nowMs: @Sendable () -> Int64
    private let notes: StructuredLog?
    private let inbox = FederationInbox()
    private let lastLoad = Mutex((waiting: 0, failing: 0, inFlight: 0))

    /// - Parameter run: a text that no earlier run had, of characters that stand in a path.
    package init(
        log: any EventLog, destinations: DestinationQueries, cursors: any DestinationCursors,
        servers: any RemoteServers, ephemeral: EphemeralState?, settings: Settings = Settings(), run: String,
        nowMs: @escaping @Sendable () -> Int64, notes: StructuredLog? = nil
    ) {
        self.log = log
        self.destinations = destinations
        self.cursors = cursors
        self.servers = servers
        self.ephemeral = ephemeral
        self.settings = settings
        self.run = run
        self.nowMs = nowMs
        self.notes = notes
    }

    /// Takes note of a batch that the views now hold; losing one is harmless.
    package func applied(_ batch: AppliedBatch) { inbox.wake() }

    /// Takes note of what is not in the log.
    package func note(_ news: EphemeralNews) { inbox.note(news) }

    /// A server sent something: it can be reached again.
    package func heard(from server: ServerName) { inbox.hear(server) }

    /// How many destinations something waits for, how many do not answer, and how many transactions are under way.
    package var load: (waiting: Int, failing: Int, inFlight: Int) { lastLoad.withLock { $0 } }

    /// Works until its task is cancelled.
    package func run() async {
        let scan = OutgoingScan(
            log: log, destinations: destinations, lists: DeviceListStream(views: destinations.views))
        var desk: FederationDesk
        do {
            desk = try FederationDesk(scan, head: destinations.views.head, cursors, settings, notes)
        } catch {
            notes?.error("telling other servers does not start", [("fault", "\(error)")])
            return
        }
        var gossip = EphemeralGossip(destinations, ephemeral: ephemeral, settings: settings)
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in await tick() }
            inbox.wake()
            for await _ in inbox.wakeUps {
                if Task.isCancelled { break }
                for delivery in step(&desk, &gossip) {
                    group.addTask { [self] in await deliver(delivery) }
                }
            }
            group.cancelAll()
        }
        // What was told while the end was near is not told again.
        for report in inbox.take().finished { desk.finish(report, nowMs: nowMs()) }
        desk.storeCursors(nowMs: .max)
    }

    /// Looks at what is new and answers what to deliver. A fault of the store is met again at the next look.
    private func step(_ desk: inout FederationDesk, _ gossip: inout EphemeralGossip) -> [FederationDelivery] {
        let contents = inbox.take()
        let now = nowMs()
        for report in contents.finished { desk.finish(report, nowMs: now) }
        for server in contents.heard { desk.hear(server, nowMs: now) }
        var started: [FederationDelivery] = []
        do {
            if try desk.look(upTo: destinations.views.head, nowMs: now) { inbox.wake() }
            try gossip.tell(Array(contents.news.values), by: &desk, nowMs: now)
            started = try desk.start(nowMs: now, run: run)
            if desk.wantsMoreSearches { inbox.wake() }
        } catch {
            notes?.warning("telling other servers was held up", [("fault", "\(error)")])
        }
        desk.storeCursors(nowMs: now)
        let load = desk.load
        lastLoad.withLock { $0 = load }
        return started
    }

    private func deliver(_ delivery: FederationDelivery) async {
        let content = TransactionContent(
            log: log, lists: DeviceListStream(views: destinations.views),
            accounts: AccountQueries(views: destinations.views), presence: ephemeral?.presence,
            namesDevices: settings.namesDevices)
        let report = await delivery.run(
            content, from: destinations.ownServer, by: servers, nowMs: nowMs(), log: notes)
        // Whoever was cancelled does not know whether it came: it stays where it is and comes again.
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
