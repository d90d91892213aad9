import ClientAPI
import CommandHandling
package import Configuration
import EventLog
import EventSigning
import HTTPFront
import MatrixIdentifiers
import ProjectionEngine
import Queries
import RoomVersions

/// The homeserver: the one place where the log, the projections, the commands and the edges meet.
package final class Homeserver: Sendable {
    private let configuration: ServerConfiguration
    private let data: DataDirectory
    private let storage: Storage
    private let accounts: AccountCommands
    private let clientAPI: ClientAPI
    private let notifier: ChangeNotifier
    private let ephemeral: EphemeralState
    private let front: HTTPServer
    private let control: HTTPServer
    private let reactors = RunningReactors()
    private let search = RunningSearch()
    private let federation: Federation
    private let log: StructuredLog

    /// Opens the data and brings the projections up to the log's head.
    ///
    /// - Throws: a description of what is wrong and what to do: a second server on the data, a damaged log, a directory
    ///   that cannot be written.
    package init(configuration: ServerConfiguration) throws {
        self.configuration = configuration
        data = DataDirectory(configuration: configuration)
        let log = StructuredLog(minimumLevel: configuration.structuredLogLevel)
        self.log = log
        let metrics = MetricsRegistry()
        let notifier = ChangeNotifier(nowMs: WallClock.nowMs)
        self.notifier = notifier
        try configuration.makeFirstSigningKey(data, log: log)
        let key = try configuration.readSigningKey()
        let revocations = Revocations()
        let (reactors, search) = (reactors, search)
        storage = try Storage(data: data, signingKey: key, log: log) { batch in
            revocations.tell(batch)
            notifier.applied(batch)
            reactors.applied(batch)
            search.applied()
        }
        ephemeral = Self.ephemeralState(configuration, RoomQueries(views: storage.views), notifier, reactors)
        if configuration.searchEnabled {
            search.prepare(data, storage: storage, metrics: metrics, log: log)
        } else {
            RunningSearch.remove(data, log: log)
        }
        let environment = storage.commandEnvironment(configuration, key: key)
        let rooms = RoomCommands(
            environment: environment, noticesUser: configuration.serverNotices?.userID)
        accounts = AccountCommands(environment: environment, settings: AccountSettings(configuration))
        let federation = try Federation(configuration, environment: environment, rooms: rooms, metrics: metrics)
        self.federation = federation
        clientAPI = ClientAPI(
            environment: environment,
            rooms: rooms,
            accounts: accounts,
            ephemeral: ephemeral,
            notifier: notifier,
            epoch: storage.epoch,
            settings: ClientAPISettings(configuration),
            media: try MediaParts(configuration, environment, log: log),
            search: search.follower,
            remote: federation.actions,
            remoteKeys: federation.remoteKeys
        )
        revocations.authenticator = clientAPI.authenticator
        try reactors.prepare(
            configuration, storage: storage, environment: environment, delayedEvents: clientAPI.delayedEvents,
            servers: federation.client, ephemeral: ephemeral, metrics: metrics, log: log)
        let pool = try WorkerPool(metrics: metrics)
        let housekeeping = HousekeepingRoutes(storage: storage, metrics: metrics, notifier: notifier)
        front = HTTPServer(
            configuration: HTTPServerConfiguration(configuration),
            router: Router(
                clientAPI.routes + federation.routes(configuration, beside: clientAPI, ephemeral, reactors)
                    + housekeeping.routes),
            pool: pool,
            metrics: metrics,
            log: log
        )
        let operations = try ControlOperations(
            storage: storage, rooms: rooms, accounts: accounts, serverName: configuration.serverName,
            forgetErased: { try await search.forgetErased(upTo: $0) })
        control = HTTPServer(
            configuration: HTTPServerConfiguration(
                listeners: [HTTPListener(port: 0, unixPath: data.controlSocket)], eventLoopThreads: 1),
            router: Router(ControlServer.routes(operations)),
            pool: pool,
            metrics: MetricsRegistry(),
            log: log
        )
    }

    private static func ephemeralState(
        _ configuration: ServerConfiguration, _ queries: RoomQueries, _ notifier: ChangeNotifier,
        _ reactors: RunningReactors
    ) -> EphemeralState {
        let ephemeral = EphemeralState(
            startingAt: UInt64(clamping: WallClock.nowMs()), nowMs: WallClock.nowMs, notifier: notifier,
            // Without the rooms nobody is woken; those who look anyway are told all the same.
            joinedRooms: { user in (try? queries.joinedRooms(user)) ?? [] },
            onNews: { reactors.note($0) })
        ephemeral.presence.isEnabled = configuration.presenceEnabled
        return ephemeral
    }

    /// Serves until SIGTERM or SIGINT; SIGHUP reads the certificates again.
    package func run() async throws {
        let signals = SignalStream()
        DataDirectory.removeStaleSocket(data.controlSocket)
        let addresses = try await front.start()
        _ = try await control.start()
        search.start()
        for address in addresses { log.info("listening", [("address", "\(address.host):\(address.port)")]) }
        log.info(
            "engram is ready",
            [("server_name", configuration.serverName.rawValue), ("head", "\(storage.eventLog.durableHead)")])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await tick() }
            if let media = clientAPI.media {
                let housekeeping = MediaHousekeeping(
                    media: media, lifetimeMs: configuration.media.localLifetimeMs, log: log)
                group.addTask { await housekeeping.run() }
            }
            group.addTask { [self] in await reactors.run() }
            group.addTask { [self] in
                for await signal in signals.stream {
                    switch signal {
                    case .reload: reloadCertificates()
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
        await control.shutdown(grace: .seconds(1))
        await front.shutdown(grace: .seconds(5))
        // Handlers may still have been asking.
        await federation.shutDown()
        await search.stop(head: storage.eventLog.durableHead)
        storage.close(log: log)
        DataDirectory.removeStaleSocket(data.controlSocket)
        log.info("stopped")
        log.close()
    }

    /// Ends long polls and typing notices whose time has come, and writes down where devices were seen.
    private func tick() async {
        var count = 0
        while !Task.isCancelled {
            notifier.expire()
            ephemeral.expire()
            count += 1
            if count % 20 == 0 { storage.catchUpIfStuck(log: log) }
            if count % 1200 == 0 { await noteSightings() }
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }

    private func noteSightings() async {
        do {
            try await accounts.flush(clientAPI.authenticator.sightings)
            if let media = clientAPI.media { try await media.commands.flush(media.accesses) }
        } catch {
            log.warning("where devices were seen was not noted", [("fault", "\(error)")])
        }
    }

    private func reloadCertificates() {
        do {
            try front.reloadCertificates()
            log.info("certificates read again")
        } catch {
            log.error("the certificates were not read again; the old ones stay", [("fault", "\(error)")])
        }
    }
}
