package import MatrixIdentifiers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Asks other machines over HTTP/1.1, one request a connection. It follows no redirection, so that nobody can send us
/// elsewhere, and reads bounded answers in bounded time.
package final class OutboundClient: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let threads: NIOThreadPool
    private let resolver: HostResolver
    private let tls: NIOSSLContext
    private let connectTimeoutMs: Int64

    /// - Parameter verifiesCertificates: false only in tests.
    package init(policy: AddressPolicy, verifiesCertificates: Bool = true, connectTimeoutMs: Int64 = 5000) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        if !verifiesCertificates { configuration.certificateVerification = .none }
        tls = try NIOSSLContext(configuration: configuration)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        resolver = HostResolver(policy: policy, threads: threads)
        self.connectTimeoutMs = connectTimeoutMs
    }

    /// Ends the client's threads; nothing may be asked afterwards.
    package func shutDown() async {
        // They end with the process too, so a fault here is of no consequence.
        try? await group.shutdownGracefully()
        try? await threads.shutdownGracefully()
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// - Parameter timeoutMs: for everything, finding the address among it.
    /// - Throws: ``OutboundFault``, or `CancellationError` when the task ends.
    package func send(_ request: OutboundRequest, timeoutMs: Int64) async throws -> OutboundAnswer {
        let loop = group.next()
        let answer = loop.makePromise(of: OutboundAnswer.self)
        let timeout = loop.scheduleTask(in: .milliseconds(timeoutMs)) { answer.fail(OutboundFault.timedOut) }
        answer.futureResult.whenComplete { _ in timeout.cancel() }
        return try await withTaskCancellationHandler {
            resolver.addresses(of: request.host, port: request.port, on: loop)
                .flatMap { [self] in connect(to: $0.prefix(3), request, answer, on: loop) }
                .whenComplete { result in
                    switch result {
                    case .success(let channel):
                        answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
                        Self.write(request, channel, answer)
                    case .failure(let fault as OutboundFault): answer.fail(fault)
                    case .failure(let error): answer.fail(OutboundFault.notConnected("\(error)"))
                    }
                }
            return try await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }

    /// Tries one address after the other.
    private func connect(
        to addresses: ArraySlice<SocketAddress>, _ request: OutboundRequest,
        _ answer: EventLoopPromise<OutboundAnswer>, on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        guard let first = addresses.first else { return loop.makeFailedFuture(OutboundFault.unknownHost) }
        let rest = addresses.dropFirst()
        let tls = request.isTLS ? tls : nil
        // Certificates of addresses are checked against the address of the connection.
        let serverName = AddressRange.bytes(of: request.host) == nil ? request.host : nil
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(connectTimeoutMs))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: serverName))
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(AnswerReader(answer: answer, limit: request.largestAnswer))
                }
            }
        return bootstrap.connect(to: first).flatMapError { [self] error in
            rest.isEmpty ? loop.makeFailedFuture(error) : connect(to: rest, request, answer, on: loop)
        }
    }

    private static func write(
        _ request: OutboundRequest, _ channel: any Channel, _ answer: EventLoopPromise<OutboundAnswer>
    ) {
        var headers = HTTPHeaders(request.fields.map { ($0.name, $0.value) })
        headers.add(name: "Host", value: request.authority)
        headers.add(name: "Connection", value: "close")
        if !request.body.isEmpty { headers.add(name: "Content-Length", value: String(request.body.count)) }
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue), uri: request.target,
            headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !request.body.isEmpty {
            channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: request.body))), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil)).whenFailure { _ in
            answer.fail(OutboundFault.closedEarly)
        }
    }
}

/// Collects one answer.
private final class AnswerReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: EventLoopPromise<OutboundAnswer>
    private let limit: Int
    private var found = OutboundAnswer()

    init(answer: EventLoopPromise<OutboundAnswer>, limit: Int) {
        self.answer = answer
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // Informational answers precede the one that is meant.
            guard head.status.code >= 200 else { return }
            found.status = Int(head.status.code)
            found.contentType = head.headers.first(name: "content-type") ?? ""
            found.location = head.headers.first(name: "location")
        case .body(let part):
            let room = limit - found.body.count
            found.body.append(contentsOf: part.readableBytesView.prefix(room))
            guard part.readableBytes > room else { return }
            found.isCut = true
            succeed(context)
        case .end: if found.status > 0 { succeed(context) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(OutboundFault.closedEarly)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(OutboundFault.broken("\(error)"))
        context.close(promise: nil)
    }

    private func succeed(_ context: ChannelHandlerContext) {
        answer.succeed(found)
        context.close(promise: nil)
    }
}
