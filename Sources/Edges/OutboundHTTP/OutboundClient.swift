package import MatrixIdentifiers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Asks other machines over HTTP/1.1, one request a connection at a time. It follows no redirection, so that nobody can send
/// us elsewhere, and reads bounded answers in bounded time.
package final class OutboundClient: Sendable {
    /// How the client connects.
    package struct Settings: Sendable {
        package var policy: AddressPolicy
        /// False only in tests.
        package var verifiesCertificates = true
        /// Files with certificates of authorities that are believed instead of the system's; none: the system's.
        package var authorityFiles: [String] = []
        package var connectTimeoutMs: Int64 = 5000
        /// Addresses of a host by its name; nil: as the system finds them.
        package var lookUp: (@Sendable (String) -> [String])?
        /// Threads that wait for name servers.
        package var resolverThreads = 4
        /// Of connections that are open and not in use: how many there may be, to one place, and for how long.
        package var mostIdle = 256
        package var mostIdleToOne = 4
        package var longestIdleMs: Int64 = 60_000

        package init(policy: AddressPolicy) { self.policy = policy }
    }

    private let group: MultiThreadedEventLoopGroup
    private let threads: NIOThreadPool
    private let resolver: HostResolver
    private let tls: NIOSSLContext
    private let unverifiedTLS: NIOSSLContext
    private let connectTimeoutMs: Int64
    private let idle: IdleConnections
    private let isShutDown = Atomic(false)

    /// - Throws: when a file of authorities cannot be read.
    package init(_ settings: Settings) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        var unverified = configuration
        unverified.certificateVerification = .none
        unverifiedTLS = try NIOSSLContext(configuration: unverified)
        if !settings.authorityFiles.isEmpty {
            configuration.trustRoots = .certificates(
                try settings.authorityFiles.flatMap { try NIOSSLCertificate.fromPEMFile($0) })
        }
        tls = settings.verifiesCertificates ? try NIOSSLContext(configuration: configuration) : unverifiedTLS
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        threads = NIOThreadPool(numberOfThreads: settings.resolverThreads)
        threads.start()
        resolver = HostResolver(policy: settings.policy, threads: threads, lookUp: settings.lookUp)
        connectTimeoutMs = settings.connectTimeoutMs
        idle = IdleConnections(
            mostOfAll: settings.mostIdle, mostOfOne: settings.mostIdleToOne, longestMs: settings.longestIdleMs)
    }

    /// Connections that are open and not in use.
    package var idleConnections: Int { idle.count }

    /// Ends the client's threads; nothing may be asked afterwards.
    package func shutDown() async {
        isShutDown.store(true, ordering: .releasing)
        // They end with the process too, so a fault here is of no consequence.
        try? await group.shutdownGracefully()
        try? await threads.shutdownGracefully()
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// - Parameter timeoutMs: for everything, finding the address among it.
    /// - Throws: ``OutboundFault``, or `CancellationError` when the task ends.
    package func send(_ request: OutboundRequest, timeoutMs: Int64) async throws -> OutboundAnswer {
        guard !isShutDown.load(ordering: .acquiring) else { throw OutboundFault.notConnected("shutting down") }
        let loop = group.next()
        let answer = loop.makePromise(of: OutboundAnswer.self)
        let timeout = loop.scheduleTask(in: .milliseconds(timeoutMs)) { answer.fail(OutboundFault.timedOut) }
        answer.futureResult.whenComplete { _ in timeout.cancel() }
        return try await withTaskCancellationHandler {
            loop.execute { [self] in begin(request, answer, on: loop) }
            return try await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }

    private func begin(
        _ request: OutboundRequest, _ answer: EventLoopPromise<OutboundAnswer>, on loop: any EventLoop
    ) {
        guard request.keepsConnection, let channel = idle.take(ConnectionKey(request)) else {
            return open(request, answer, on: loop)
        }
        // The other side may have closed it while nobody looked.
        exchange(request, answer, on: channel) { [self] in open(request, answer, on: loop) }
    }

    private func open(
        _ request: OutboundRequest, _ answer: EventLoopPromise<OutboundAnswer>, on loop: any EventLoop
    ) {
        resolver.addresses(of: request.host, port: request.port, on: loop)
            .flatMap { [self] in connect(to: $0.prefix(3), request, on: loop) }
            .whenComplete { [self] result in
                switch result {
                case .success(let channel): exchange(request, answer, on: channel, onLost: nil)
                case .failure(let fault as OutboundFault): answer.fail(fault)
                case .failure(let error): answer.fail(OutboundFault.notConnected("\(error)"))
                }
            }
    }

    private func exchange(
        _ request: OutboundRequest, _ answer: EventLoopPromise<OutboundAnswer>, on channel: any Channel,
        onLost: (() -> Void)?
    ) {
        do {
            try channel.pipeline.syncOperations.handler(type: ConnectionHandler.self)
                .begin(request, answer, onLost: onLost)
        } catch {
            // Its pipeline is gone: it was closed.
            if let onLost { onLost() } else { answer.fail(OutboundFault.closedEarly) }
        }
    }

    /// Tries one address after the other.
    private func connect(
        to addresses: ArraySlice<SocketAddress>, _ request: OutboundRequest, on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        guard let first = addresses.first else { return loop.makeFailedFuture(OutboundFault.unknownHost) }
        let rest = addresses.dropFirst()
        let tls = request.isTLS ? (request.verifiesCertificate ? tls : unverifiedTLS) : nil
        let name = request.certificateName ?? request.host
        // Certificates of addresses are checked against the address of the connection.
        let serverName = AddressRange.bytes(of: name) == nil ? name : nil
        let (idle, key) = (idle, ConnectionKey(request))
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(connectTimeoutMs))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: serverName))
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(ConnectionHandler(idle: idle, key: key))
                }
            }
        return bootstrap.connect(to: first).flatMapError { [self] error in
            rest.isEmpty ? loop.makeFailedFuture(error) : connect(to: rest, request, on: loop)
        }
    }
}
