import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// The server: listens, and gives each connection what it needs.
package final class HTTPServer: Sendable {
    private struct Running: Sendable {
        let group: MultiThreadedEventLoopGroup
        let registries: [NIOLoopBound<ConnectionRegistry>]
        var channels: [any Channel] = []
    }

    /// Triggered when the server stops; long polls that watch it return at once.
    package let shutdownSignal: ShutdownSignal
    private let configuration: HTTPServerConfiguration
    private let log: StructuredLog
    private let metrics: FrontMetrics
    private let router: Router
    private let pool: WorkerPool
    private let running = Mutex<Running?>(nil)
    private let contexts = Mutex<[ListenerContext]>([])

    package init(
        configuration: HTTPServerConfiguration, router: Router, pool: WorkerPool, metrics: MetricsRegistry,
        log: StructuredLog, shutdownSignal: ShutdownSignal = ShutdownSignal()
    ) {
        self.configuration = configuration
        self.router = router
        self.pool = pool
        self.log = log
        self.shutdownSignal = shutdownSignal
        self.metrics = FrontMetrics(registry: metrics, router: router)
    }

    /// Binds all listeners. If one cannot be bound, none stays.
    package func start() async throws -> [BoundAddress] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.eventLoopThreads))
        do {
            return try await bindAll(on: group)
        } catch {
            await stop(group)
            throw error
        }
    }

    /// Reads the certificates of all listeners again, for new connections. Those that cannot be read stay as they are.
    package func reloadCertificates() throws {
        for context in contexts.withLock({ $0 }) { try context.tls?.reload() }
    }

    /// Stops: no new connections, long polls are told to return, what runs may finish within `grace`; then what is left
    /// is cancelled, and all connections are closed.
    package func shutdown(grace: Duration) async {
        let stopped = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let stopped else { return }
        for channel in stopped.channels { try? await channel.close() }  // It may have been closed already.
        shutdownSignal.trigger()
        onEachLoop(stopped) { $0.drain() }
        if await !isQuiet(within: grace) {
            onEachLoop(stopped) { $0.cancelHandlers() }
            if await !isQuiet(within: .seconds(1)) {
                log.warning("requests cut off", [("requests", String(metrics.requestsInFlight.value))])
            }
        }
        onEachLoop(stopped) { registry in
            registry.closeAll()
            registry.stopSweeping()
        }
        await stop(stopped.group)
    }

    private func bindAll(on group: MultiThreadedEventLoopGroup) async throws -> [BoundAddress] {
        let date = DateField()
        var registries: [NIOLoopBound<ConnectionRegistry>] = []
        var byLoop: [ObjectIdentifier: NIOLoopBound<ConnectionRegistry>] = [:]
        let interval = sweepInterval
        for loop in group.makeIterator() {
            let registry = try await loop.submit {
                let registry = ConnectionRegistry()
                registry.startSweeping(on: loop, every: interval)
                return NIOLoopBound(registry, eventLoop: loop)
            }.get()
            registries.append(registry)
            byLoop[ObjectIdentifier(loop)] = registry
        }
        let listenerContexts = try configuration.listeners.map {
            try ListenerContext(
                listener: $0, configuration: configuration, router: router, pool: pool, log: log,
                shutdown: shutdownSignal, metrics: metrics, dateField: date)
        }
        var bound: [BoundAddress] = []
        var channels: [any Channel] = []
        for context in listenerContexts {
            let bootstrap = bootstrap(group, context, byLoop)
            let channel: any Channel
            if let path = context.listener.unixPath {
                channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
            } else {
                channel = try await bootstrap.bind(host: context.listener.host, port: context.listener.port).get()
            }
            channels.append(channel)
            bound.append(
                BoundAddress(
                    host: ClientAddress.of(channel.localAddress), port: channel.localAddress?.port ?? 0,
                    unixPath: context.listener.unixPath))
        }
        contexts.withLock { $0 = listenerContexts }
        let started = Running(group: group, registries: registries, channels: channels)
        running.withLock { $0 = started }
        return bound
    }

    private func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ context: ListenerContext,
        _ registries: [ObjectIdentifier: NIOLoopBound<ConnectionRegistry>]
    ) -> ServerBootstrap {
        let isUnix = context.listener.unixPath != nil
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            // The small buffer of an idle connection is kept; it grows while a body comes.
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 32 << 10)
            )
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                guard context.metrics.connections.value < context.limits.maxConnections,
                    let registry = registries[ObjectIdentifier(channel.eventLoop)]
                else {
                    context.metrics.connectionsRefused.add()
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
                    try Self.addHandlers(to: channel, context, registry.value)
                }
            }
        guard !isUnix else { return bootstrap }
        return
            bootstrap
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    private static func addHandlers(
        to channel: any Channel, _ context: ListenerContext, _ registry: ConnectionRegistry
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls = context.tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls.current)) }
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderListSize = context.limits.maxHeaderBytes
        decoderLimits.maxHeaderFieldSize = context.limits.maxHeaderBytes
        decoderLimits.maxHeaderFieldCount = context.limits.maxHeaderFields
        let decoder = HTTPRequestDecoder(limitConfiguration: decoderLimits)
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        try pipeline.addHandler(HTTPConnection(shared: context, registry: registry))
    }

    /// A quarter of the shortest timeout, between 10 ms and a second.
    private var sweepInterval: TimeAmount {
        let limits = configuration.limits
        let timeouts = [
            limits.headerTimeout, limits.bodyTimeout, limits.idleTimeout, limits.writeTimeout, limits.lingerTimeout,
        ]
        return .milliseconds(min(1000, max(10, (timeouts.min() ?? 1000) / 4)))
    }

    private func onEachLoop(_ running: Running, _ body: @escaping @Sendable (ConnectionRegistry) -> Void) {
        for (loop, registry) in zip(running.group.makeIterator(), running.registries) {
            loop.execute { body(registry.value) }
        }
    }

    /// Whether no request is handled and no response is under way any more before the time is up.
    private func isQuiet(within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while metrics.requestsInFlight.value > 0 || metrics.connections.value > 0 {
            guard ContinuousClock.now < end else { return false }
            do {
                try await Task.sleep(for: .milliseconds(10))
            } catch {
                // Cancelled: whoever stops the server is in a hurry.
                return false
            }
        }
        return true
    }

    private func stop(_ group: MultiThreadedEventLoopGroup) async {
        do {
            try await group.shutdownGracefully()
        } catch {
            log.warning("event loops did not stop", [("fault", String(describing: error))])
        }
    }
}
