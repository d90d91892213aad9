import NIOCore
import NIOHTTP1
import Synchronization

extension HTTPConnection {
    /// The request is complete: refuses it as its head has earned, or runs the handler where it belongs.
    func dispatch() {
        guard let pending = current else { return }
        // The handler now holds the request; the connection forgets it and with it the account of the body.
        current = nil
        phase = .handling
        guard case .handle(let route) = pending.plan, let target = pending.target else {
            return sendRefusal(of: pending)
        }
        let exchange = exchange(pending, target, route: route)
        exchange.begin()
        switch shared.router.routes[route].handler {
        case .immediate(let handler):
            finish(exchange.end(Result { try handler(exchange.request) }))
        case .pooled(let handler): runPooled(handler, exchange)
        case .async(let handler): runAsync(handler, exchange)
        }
    }

    private func runPooled(
        _ handler: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse, _ exchange: Exchange
    ) {
        guard let loop = channelContext?.eventLoop else { return }
        let connection = NIOLoopBound(self, eventLoop: loop)
        let accepted = shared.pool.run {
            let rendered = exchange.end(Result { try handler(exchange.request) })
            loop.execute { connection.value.finish(rendered) }
        }
        if !accepted { finish(exchange.end(.failure(MatrixError.overloaded))) }
    }

    func runAsync(
        _ handler: @escaping @Sendable (HTTPRequest) async throws -> HTTPResponse, _ exchange: Exchange
    ) {
        guard let loop = channelContext?.eventLoop else { return }
        guard !shared.pool.isSaturated else {
            shared.pool.noteRefusal()
            return finish(exchange.end(.failure(MatrixError.overloaded)))
        }
        let options = shared.router.routes[exchange.route].options
        let connection = NIOLoopBound(self, eventLoop: loop)
        cancelsOnDisconnect = options.cancelledOnDisconnect ?? (shared.router.routes[exchange.route].method == .get)
        // A request is where a task begins: nothing above it could own it but the connection, which does.
        handlerTask = Task(executorPreference: shared.pool) {
            let result: Result<HTTPResponse, any Error>
            do {
                result = .success(try await handler(exchange.request))
            } catch {
                result = .failure(error)
            }
            let rendered = exchange.end(result)
            loop.execute { connection.value.finish(rendered) }
        }
    }

    /// The handler has answered.
    private func finish(_ rendered: RenderedResponse) {
        handlerTask = nil
        if phase == .streamingBody, let context = channelContext {
            // It needed no more of the body, which still comes.
            return linger(after: rendered.buffer, context)
        }
        guard phase == .handling else { return }
        send(rendered, keepsAlive: rendered.keepsAlive)
    }

    private func sendRefusal(of pending: PendingRequest) {
        guard case .refuse(let response) = pending.plan else { return closeNow() }
        let rendered = pending.framing.render(response, date: shared.dateField)
        shared.metrics.observe(route: nil, status: rendered.status, nanoseconds: 0)
        send(rendered, keepsAlive: pending.framing.keepsAlive)
    }

    func exchange(
        _ pending: PendingRequest, _ target: RequestTarget, route: Int, stream: RequestBodyStream? = nil
    ) -> Exchange {
        let matched = shared.router.routes[route]
        var address = remoteAddress
        var isSecure = shared.tls != nil
        if shared.listener.xForwarded {
            let proxies = shared.listener.trustedProxies
            address = ClientAddress.forwarded(in: pending.headers, trustedProxies: proxies) ?? address
            isSecure = isSecure || ClientAddress.forwardedProtocolIsSecure(pending.headers)
        }
        let number = shared.metrics.requestNumbers.wrappingAdd(1, ordering: .relaxed).newValue
        let request = HTTPRequest(
            method: pending.method, rawPath: target.rawPath, pathSegments: target.segments, query: target.query,
            headers: HTTPRequestHeaders(pending.headers), body: pending.body, bodyStream: stream,
            declaredLength: pending.declaredLength, remoteAddress: address, number: number,
            isTLS: isSecure, parameters: PathParameters(of: matched, segments: target.segments),
            receivedAt: MonotonicTime.nanoseconds(), routeTemplate: matched.template)
        return Exchange(
            request: request, route: route, framing: pending.framing, context: shared, bodyBytes: pending.accounted)
    }
}
