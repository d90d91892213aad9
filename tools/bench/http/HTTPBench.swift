import Glibc
import HTTPFront
import NIOCore
import NIOHTTP1
import NIOPosix

/// Two servers in one process that answer the same bytes: a bare NIO HTTP/1 handler, and the front with its router,
/// limits, metrics and log. `tools/bench/http.sh` drives both.
///
///     http-bench <bare port> <front port>
///
/// The front also serves `/pooled` and `/async`, for the cost of the way to the pool, and `/hold`, which does not
/// answer before the server stops, for the memory of idle long polls.
@main enum HTTPBench {
    static let body = Array(#"{"versions":["v1.1","v1.2","v1.3","v1.4","v1.5","v1.6","v1.11"]}"#.utf8)

    static func main() async throws {
        let ports = CommandLine.arguments.dropFirst().compactMap(Int.init)
        guard ports.count == 2 else {
            FileDescriptorText.write("usage: http-bench <bare port> <front port>\n")
            exit(2)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bare = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: false)
                    try channel.pipeline.syncOperations.addHandler(BareHandler())
                }
            }
            .bind(host: "127.0.0.1", port: ports[0]).get()

        let signal = ShutdownSignal()
        let metrics = MetricsRegistry()
        let router = Router([
            Route(.get, "/_matrix/client/versions", .immediate { _ in .json(body) }),
            Route(.get, "/pooled", .pooled { _ in .json(body) }),
            Route(.get, "/async", .async { _ in .json(body) }),
            Route(
                .get, "/hold",
                .async { _ in
                    await signal.wait()
                    return .emptyObject
                }),
        ])
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(
                listeners: [HTTPListener(port: ports[1])], eventLoopThreads: 1),
            router: router, pool: try WorkerPool(metrics: metrics), metrics: metrics, log: StructuredLog(),
            shutdownSignal: signal)
        _ = try await server.start()
        try await bare.closeFuture.get()
    }
}

/// The least that answers.
private final class BareHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let body = ByteBuffer(bytes: HTTPBench.body)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let headers = HTTPHeaders([
            ("Content-Type", "application/json"), ("Content-Length", String(body.readableBytes)),
            ("Access-Control-Allow-Origin", "*"),
        ])
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}

private enum FileDescriptorText {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
