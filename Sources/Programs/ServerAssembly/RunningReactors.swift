import CommandHandling
import Configuration
import EventLog
import EventSigning
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import ProjectionEngine
import Queries
import Reactors
import Synchronization

/// What acts outside behind the log; it exists before the log is open, so that batches find it.
final class RunningReactors: Sendable {
    private let push = Mutex<PushReactor?>(nil)
    private let gateway = Mutex<GatewayClient?>(nil)
    private let delayedEvents = Mutex<DelayedEventReactor?>(nil)
    private let sender = Mutex<FederationSender?>(nil)

    /// Makes the reactors that the configuration wants.
    func prepare(
        _ configuration: ServerConfiguration, storage: Storage, environment: CommandEnvironment,
        delayedEvents: DelayedEventCommands, servers: any RemoteServers, ephemeral: EphemeralState,
        metrics: MetricsRegistry, log: StructuredLog
    ) throws {
        // Also where no more can be scheduled: what was promised is sent.
        self.delayedEvents.withLock { $0 = DelayedEventReactor(commands: delayedEvents, log: log) }
        prepareSender(
            configuration, storage: storage, environment: environment, servers: servers, ephemeral: ephemeral,
            metrics: metrics, log: log)
        guard configuration.pushEnabled else { return }
        var client = GatewayClient.Settings()
        client.policy = configuration.outboundPolicy
        client.verifiesCertificates = configuration.verifiesOutboundCertificates
        let gateway = try GatewayClient(settings: client)
        var settings = PushReactor.Settings()
        settings.includesContent = configuration.pushIncludesContent
        let reactor = PushReactor(
            queries: PushQueries(views: storage.views, countsRooms: configuration.pushCountsRooms),
            commands: PushCommands(environment: environment),
            cursors: storage.eventLog,
            client: gateway,
            settings: settings,
            nowMs: WallClock.nowMs,
            log: log
        )
        metrics.gauge("engram_pushers", help: "Pushers.") { Double(reactor.load.pushers) }
        metrics.gauge("engram_pushers_behind", help: "Pushers whose gateway has not been told everything yet.") {
            Double(reactor.load.behind)
        }
        self.gateway.withLock { $0 = gateway }
        push.withLock { $0 = reactor }
    }

    private func prepareSender(
        _ configuration: ServerConfiguration, storage: Storage, environment: CommandEnvironment,
        servers: any RemoteServers, ephemeral: EphemeralState, metrics: MetricsRegistry, log: StructuredLog
    ) {
        var settings = FederationSender.Settings()
        settings.namesDevices = configuration.federation.namesDevices
        let sender = FederationSender(
            log: storage.eventLog,
            destinations: DestinationQueries(views: storage.views, ownServer: environment.serverName),
            cursors: storage.eventLog,
            servers: servers,
            ephemeral: ephemeral,
            settings: settings,
            run: UnpaddedBase64.encodeURLSafe(environment.randomBytes(6)),
            nowMs: WallClock.nowMs,
            notes: log
        )
        metrics.gauge("engram_federation_destinations_waiting", help: "Other servers that have not been told all.") {
            Double(sender.load.waiting)
        }
        metrics.gauge("engram_federation_destinations_failing", help: "Other servers that do not answer.") {
            Double(sender.load.failing)
        }
        self.sender.withLock { $0 = sender }
    }

    /// Takes note of a batch.
    func applied(_ batch: AppliedBatch) {
        push.withLock { $0 }?.applied(batch)
        sender.withLock { $0 }?.applied(batch)
    }

    /// Takes note of what is not in the log.
    func note(_ news: EphemeralNews) { sender.withLock { $0 }?.note(news) }

    /// Another server sent something.
    func heard(from server: ServerName) { sender.withLock { $0 }?.heard(from: server) }

    /// Works until its task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await push.withLock { $0 }?.run() }
            group.addTask { [self] in await delayedEvents.withLock { $0 }?.run() }
            group.addTask { [self] in await sender.withLock { $0 }?.run() }
        }
        // A reactor that could not begin must not end the server.
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(3600)) } catch { break }
        }
        await gateway.withLock { $0 }?.shutDown()
    }
}
