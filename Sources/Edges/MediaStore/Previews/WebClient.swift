package import MatrixIdentifiers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a page was not had.
package enum WebFault: Error, Sendable, Hashable {
    case unknownHost
    /// The name leads to addresses that may not be asked.
    case forbiddenAddress
    case notConnected
    case timedOut
    case closedEarly
    case notHTTP
    case tooManyRedirections
    /// It leads to what is no web address, or to one that the configuration forbids.
    case forbiddenURL
    case tooLarge
    case status(Int)
}

/// What a server answered.
package struct WebAnswer: Sendable {
    package var status: Int
    package var contentType: String
    package var location: String?
    package var body: [UInt8]
    /// The body was longer than was asked for.
    package var isCut: Bool
    /// Where it was in the end.
    package var url: WebURL
}

/// Gets pages over HTTP/1.1, one request a connection.
///
/// It connects to addresses that were judged, never to a name again, so that a name that changes its address between
/// the look and the connection gains nothing. Time is bounded for all of a request, and bytes for its body.
package final class WebClient: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let threads: NIOThreadPool
    private let policy: AddressPolicy
    private let tls: NIOSSLContext
    private let connectTimeoutMs: Int64 = 5000

    package init(policy: AddressPolicy, verifiesCertificates: Bool = true) throws {
        self.policy = policy
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        if !verifiesCertificates { configuration.certificateVerification = .none }
        tls = try NIOSSLContext(configuration: configuration)
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
    }

    /// Ends the client's threads; nothing may be asked afterwards.
    package func shutDown() async {
        // They end with the process too, so a fault here is of no consequence.
        try? await group.shutdownGracefully()
        try? await threads.shutdownGracefully()
    }

    /// One request, without following where it leads.
    ///
    /// - Parameter limit: more of the body is not read.
    func get(_ url: WebURL, fields: [(String, String)], limit: Int, timeoutMs: Int64) async throws -> WebAnswer {
        let loop = group.next()
        let answer = loop.makePromise(of: WebAnswer.self)
        let timeout = loop.scheduleTask(in: .milliseconds(timeoutMs)) { answer.fail(WebFault.timedOut) }
        answer.futureResult.whenComplete { _ in timeout.cancel() }
        return try await withTaskCancellationHandler {
            addresses(of: url, on: loop)
                .flatMap { [self] in connect(to: $0.prefix(3), url, answer, limit, on: loop) }
                .whenComplete { [self] result in
                    switch result {
                    case .success(let channel):
                        answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
                        ask(url, fields, channel, answer)
                    case .failure(let fault as WebFault): answer.fail(fault)
                    case .failure: answer.fail(WebFault.notConnected)
                    }
                }
            return try await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }

    private func addresses(of url: WebURL, on loop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        let (policy, host, port) = (policy, url.host, url.port)
        if AddressRange.bytes(of: host) != nil {
            return loop.makeCompletedFuture { try HostAddresses.allowed([host], port: port, policy) }
        }
        return threads.runIfActive(eventLoop: loop) {
            try HostAddresses.allowed(HostAddresses.lookUp(host), port: port, policy)
        }
    }

    /// Tries one address after the other.
    private func connect(
        to addresses: ArraySlice<SocketAddress>, _ url: WebURL, _ answer: EventLoopPromise<WebAnswer>, _ limit: Int,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        guard let first = addresses.first else { return loop.makeFailedFuture(WebFault.unknownHost) }
        let rest = addresses.dropFirst()
        let tls = url.isTLS ? tls : nil
        // Certificates of addresses are checked against the address of the connection.
        let serverName = AddressRange.bytes(of: url.host) == nil ? url.host : nil
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(connectTimeoutMs))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: serverName))
                    }
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(WebAnswerReader(url: url, answer: answer, limit: limit))
                }
            }
        return bootstrap.connect(to: first).flatMapError { [self] error in
            rest.isEmpty ? loop.makeFailedFuture(error) : connect(to: rest, url, answer, limit, on: loop)
        }
    }

    private func ask(
        _ url: WebURL, _ fields: [(String, String)], _ channel: any Channel, _ answer: EventLoopPromise<WebAnswer>
    ) {
        var headers = HTTPHeaders(fields)
        headers.add(name: "Host", value: url.authority)
        headers.add(name: "User-Agent", value: "Engram (bot; +https://github.com/matrix-org/matrix-spec)")
        // What is packed small and unpacks to a great deal would pass the limit.
        headers.add(name: "Accept-Encoding", value: "identity")
        headers.add(name: "Connection", value: "close")
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil)).whenFailure { _ in answer.fail(WebFault.closedEarly) }
    }
}

/// Collects one answer.
private final class WebAnswerReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: EventLoopPromise<WebAnswer>
    private let limit: Int
    private var found: WebAnswer
    private var hasHead = false

    init(url: WebURL, answer: EventLoopPromise<WebAnswer>, limit: Int) {
        self.answer = answer
        self.limit = limit
        found = WebAnswer(status: 0, contentType: "", location: nil, body: [], isCut: false, url: url)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // Informational answers precede the one that is meant.
            guard head.status.code >= 200 else { return }
            hasHead = true
            found.status = Int(head.status.code)
            found.contentType = head.headers.first(name: "content-type") ?? ""
            found.location = head.headers.first(name: "location")
        case .body(let part):
            found.body.append(contentsOf: part.readableBytesView.prefix(limit - found.body.count))
            guard found.body.count >= limit else { return }
            found.isCut = true
            succeed(context)
        case .end: if hasHead { succeed(context) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(WebFault.closedEarly)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(WebFault.notHTTP)
        context.close(promise: nil)
    }

    private func succeed(_ context: ChannelHandlerContext) {
        answer.succeed(found)
        context.close(promise: nil)
    }
}
