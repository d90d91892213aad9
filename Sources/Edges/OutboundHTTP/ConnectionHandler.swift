import NIOCore
import NIOHTTP1

/// One connection, which carries one exchange after the other. Lives on the connection's event loop.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// A request whose answer is awaited.
    private struct Exchange {
        let number: UInt64
        let request: OutboundRequest
        let answer: EventLoopPromise<OutboundAnswer>
        /// What is done instead of failing when the connection ends before the answer begins.
        let onLost: (() -> Void)?
        var found = OutboundAnswer()
        var staysOpen = false

        mutating func take(_ head: HTTPResponseHead) {
            found.status = Int(head.status.code)
            found.contentType = head.headers.first(name: "content-type") ?? ""
            found.location = head.headers.first(name: "location")
            found.cacheControl = head.headers["cache-control"].joined(separator: ",")
            found.expires = head.headers.first(name: "expires")
            staysOpen = head.isKeepAlive && request.keepsConnection
        }

        mutating func take(_ part: ByteBuffer) {
            let room = request.largestAnswer - found.body.count
            found.body.append(contentsOf: part.readableBytesView.prefix(room))
            guard part.readableBytes > room else { return }
            found.isCut = true
            staysOpen = false
        }
    }

    private let idle: IdleConnections
    private let key: ConnectionKey
    private var context: ChannelHandlerContext?
    private var exchange: Exchange?
    private var lastNumber: UInt64 = 0

    init(idle: IdleConnections, key: ConnectionKey) {
        self.idle = idle
        self.key = key
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(OutboundFault.closedEarly)
        self.context = nil
    }

    /// Sends a request. The connection must be free.
    func begin(_ request: OutboundRequest, _ answer: EventLoopPromise<OutboundAnswer>, onLost: (() -> Void)?) {
        guard let context, exchange == nil else {
            if let onLost { onLost() } else { answer.fail(OutboundFault.closedEarly) }
            return
        }
        lastNumber += 1
        let number = lastNumber
        exchange = Exchange(number: number, request: request, answer: answer, onLost: onLost)
        let own = NIOLoopBound(self, eventLoop: context.eventLoop)
        answer.futureResult.hop(to: context.eventLoop).whenComplete { _ in own.value.abandon(number) }
        write(request, context)
    }

    /// The one who asked is gone: what still comes would be taken for the answer to the next request.
    private func abandon(_ number: UInt64) {
        guard exchange?.number == number else { return }
        exchange = nil
        context?.close(promise: nil)
    }

    private func write(_ request: OutboundRequest, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders(request.fields.map { ($0.name, $0.value) })
        headers.add(name: "Host", value: request.authority)
        if !request.keepsConnection { headers.add(name: "Connection", value: "close") }
        if request.method.hasBody || !request.body.isEmpty {
            headers.add(name: "Content-Length", value: String(request.body.count))
        }
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue), uri: request.target,
            headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !request.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: request.body)))), promise: nil)
        }
        let number = lastNumber
        let own = NIOLoopBound(self, eventLoop: context.eventLoop)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenFailure { _ in own.value.notWritten(number) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    private func notWritten(_ number: UInt64) {
        guard exchange?.number == number else { return }
        end(OutboundFault.closedEarly)
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nobody asked.
        guard var exchange else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            // Informational answers precede the one that is meant.
            guard head.status.code >= 200 else { return }
            exchange.take(head)
            self.exchange = exchange
        case .body(let part):
            // Held once, so that the body grows where it is.
            self.exchange = nil
            exchange.take(part)
            self.exchange = exchange
            if exchange.found.isCut { succeed(context) }
        case .end: if exchange.found.status > 0 { succeed(context) }
        }
    }

    private func succeed(_ context: ChannelHandlerContext) {
        guard let exchange else { return }
        self.exchange = nil
        if exchange.staysOpen {
            idle.put(context.channel, key)
        } else {
            context.close(promise: nil)
        }
        exchange.answer.succeed(exchange.found)
    }

    func channelInactive(context: ChannelHandlerContext) {
        idle.remove(context.channel, key)
        end(OutboundFault.closedEarly)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        idle.remove(context.channel, key)
        end(OutboundFault.broken("\(error)"))
        context.close(promise: nil)
    }

    private func end(_ fault: OutboundFault) {
        guard let exchange else { return }
        self.exchange = nil
        if exchange.found.status == 0, let onLost = exchange.onLost {
            onLost()
        } else {
            exchange.answer.fail(fault)
        }
    }
}
