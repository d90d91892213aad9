import CanonicalJSON
import ClientAPI
import CommandHandling
package import Configuration
import EventLog
import EventSigning
import HTTPFront
import KeyValueStore
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import RoomVersions
import Synchronization

/// The homeserver: the one place where the log, the projections, the commands and the edges meet.
package final class Homeserver: Sendable {
    private let configuration: ServerConfiguration
    private let data: DataDirectory
    private let storage: Storage
    private let notifier: ChangeNotifier
    private let ephemeral: EphemeralState
    private let front: HTTPServer
    private let control: ControlServer
    private let log: StructuredLog

    /// Opens the data and brings the projections up to the log's head.
    ///
    /// - Throws: a description of what is wrong and what to do: a second server on the data, a damaged log, a directory
    ///   that cannot be written.
    package init(configuration: ServerConfiguration) throws {
        self.configuration = configuration
        data = DataDirectory(configuration: configuration)
        log = StructuredLog(level: StructuredLog.Level(rawValue: configuration.logLevel) ?? .info)
        let metrics = MetricsRegistry()
        let notifier = ChangeNotifier(nowMs: WallClock.nowMs)
        self.notifier = notifier
        let key = try configuration.readSigningKey()
        storage = try Storage(data: data, signingKey: key, log: log) { notifier.applied($0) }
        ephemeral = EphemeralState(
            startingAt: UInt64(clamping: WallClock.nowMs()), nowMs: WallClock.nowMs, notifier: notifier)
        let environment = CommandEnvironment(
            log: storage.eventLog,
            views: storage.views,
            serverName: configuration.serverName,
            signingKey: key,
            nowMs: WallClock.nowMs,
            randomBytes: Randomness.bytes,
            defaultRoomVersion: RoomVersion.named(configuration.defaultRoomVersion) ?? .v12
        )
        let shutdown = ShutdownSignal()
        let pool = WorkerPool()
        let rooms = RoomCommands(environment: environment)
        let accounts = AccountCommands(environment: environment, rooms: rooms)
        let clientAPI = ClientAPI(
            environment: environment,
            rooms: rooms,
            accounts: accounts,
            ephemeral: ephemeral,
            notifier: notifier,
            epoch: storage.epoch,
            settings: ClientAPISettings(configuration)
        )
        let housekeeping = HousekeepingRoutes(storage: storage, metrics: metrics, notifier: notifier)
        front = HTTPServer(
            configuration: HTTPServerConfiguration(configuration),
            router: Router(clientAPI.routes + housekeeping.routes),
            pool: pool,
            metrics: metrics,
            log: log,
            shutdown: shutdown
        )
        control = ControlServer(path: data.controlSocket, accounts: accounts, storage: storage, pool: pool, log: log)
    }

    /// Serves until SIGTERM or SIGINT; SIGHUP reads the certificates again.
    package func run() async throws {
        let signals = SignalStream()
        let addresses = try await front.start()
        try await control.start()
        for address in addresses { log.info("listening", ("address", address)) }
        log.info("engram is ready", ("server_name", configuration.serverName.rawValue), ("head", "\(storage.eventLog.durableHead)"))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await tick() }
            group.addTask { [self] in
                for await signal in signals.stream {
                    switch signal {
                    case .reload: front.reloadCertificates()
                    case .stop: return
                    }
                }
            }
            // The ticker never ends by itself: the first to end is the signal to stop.
            _ = await group.next()
            group.cancelAll()
        }
        log.info("stopping")
        notifier.shutDown()
        await control.shutdown()
        await front.shutdown(grace: .seconds(5))
        storage.close()
        log.info("stopped")
    }

    /// Ends long polls and typing notices whose time has come.
    private func tick() async {
        while !Task.isCancelled {
            notifier.expire()
            ephemeral.expire()
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }
}
