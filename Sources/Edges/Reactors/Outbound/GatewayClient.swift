package import CommandHandling
package import MatrixIdentifiers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// What carries a body to a push gateway; tests put another in its place.
package protocol PushGatewayClient: Sendable {
    /// Posts JSON and answers the status and the body.
    func post(_ body: [UInt8], to url: GatewayURL) async throws -> GatewayAnswer
}

package struct GatewayAnswer: Sendable, Hashable {
    package let status: Int
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Posts over HTTP/1.1, one request a connection. It follows no redirection, so that a gateway cannot send us elsewhere, and
/// reads bounded answers in bounded time.
package final class GatewayClient: PushGatewayClient {
    /// What differs between a server in the world and one in a test.
    package struct Settings: Sendable {
        package var policy = AddressPolicy()
        /// `use_insecure_ssl_client_just_for_testing_do_not_use`.
        package var verifiesCertificates = true
        package var connectTimeoutMs: Int64 = 10_000
        package var timeoutMs: Int64 = 30_000
        package var largestAnswer = 65_536

        package init() {}
    }

    private let group: MultiThreadedEventLoopGroup
    private let threads: NIOThreadPool
    private let resolver: HostResolver
    private let tls: NIOSSLContext
    private let settings: Settings

    package init(settings: Settings = Settings()) throws {
        self.settings = settings
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        if !settings.verifiesCertificates { configuration.certificateVerification = .none }
        tls = try NIOSSLContext(configuration: configuration)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        resolver = HostResolver(policy: settings.policy, threads: threads)
    }

    /// Ends the client's threads; nothing may be posted afterwards.
    package func shutDown() async {
        // They end with the process too, so a fault here is of no consequence.
        try? await group.shutdownGracefully()
        try? await threads.shutdownGracefully()
    }

    package func post(_ body: [UInt8], to url: GatewayURL) async throws -> GatewayAnswer {
        let loop = group.next()
        let answer = loop.makePromise(of: GatewayAnswer.self)
        // One time for everything, finding the address among it.
        let timeout = loop.scheduleTask(in: .milliseconds(settings.timeoutMs)) { answer.fail(GatewayFault.timedOut) }
        answer.futureResult.whenComplete { _ in timeout.cancel() }
        return try await withTaskCancellationHandler {
            resolver.addresses(of: url.host, port: url.port, on: loop)
                .flatMap { [self] in connect(to: $0.prefix(3), url: url, answer: answer, on: loop) }
                .whenComplete { [self] result in
                    switch result {
                    case .success(let channel):
                        answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
                        send(body, to: url, channel, answer)
                    case .failure(let fault as GatewayFault): answer.fail(fault)
                    case .failure(let error): answer.fail(GatewayFault.notConnected("\(error)"))
                    }
                }
            return try await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }

    /// Tries one address after the other.
    private func connect(
        to addresses: ArraySlice<SocketAddress>, url: GatewayURL, answer: EventLoopPromise<GatewayAnswer>,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        guard let first = addresses.first else { return loop.makeFailedFuture(GatewayFault.unknownHost) }
        let rest = addresses.dropFirst()
        return bootstrap(for: url, answer: answer, on: loop).connect(to: first).flatMapError { [self] error in
            rest.isEmpty
                ? loop.makeFailedFuture(error) : connect(to: rest, url: url, answer: answer, on: loop)
        }
    }

    private func bootstrap(
        for url: GatewayURL, answer: EventLoopPromise<GatewayAnswer>, on loop: any EventLoop
    ) -> ClientBootstrap {
        let tls = url.isTLS ? tls : nil
        // Certificates of addresses are checked against the address of the connection.
        let serverName = AddressRange.bytes(of: url.host) == nil ? url.host : nil
        let limit = settings.largestAnswer
        return ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(settings.connectTimeoutMs))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: serverName))
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(AnswerReader(answer: answer, limit: limit))
                }
            }
    }

    private func send(
        _ body: [UInt8], to url: GatewayURL, _ channel: any Channel, _ answer: EventLoopPromise<GatewayAnswer>
    ) {
        let headers: HTTPHeaders = [
            "Host": url.authority, "Content-Type": "application/json", "Content-Length": String(body.count),
            "User-Agent": "Engram", "Accept": "application/json", "Connection": "close",
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: url.target, headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil)).whenFailure { answer.fail($0) }
    }
}

/// Collects one answer.
private final class AnswerReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: EventLoopPromise<GatewayAnswer>
    private let limit: Int
    private var status = 0
    private var body: [UInt8] = []

    init(answer: EventLoopPromise<GatewayAnswer>, limit: Int) {
        self.answer = answer
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // Informational answers precede the one that is meant.
            if head.status.code >= 200 { status = Int(head.status.code) }
        case .body(let part):
            body.append(contentsOf: part.readableBytesView)
            if body.count > limit { fail(GatewayFault.tooLarge, context) }
        case .end:
            guard status >= 200 else { return }
            answer.succeed(GatewayAnswer(status: status, body: body))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(GatewayFault.closedEarly)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error, context)
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        answer.fail(error)
        context.close(promise: nil)
    }
}
