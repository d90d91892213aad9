import NIOCore
import NIOHTTP1

/// One connection of a client: takes its requests one after the other, and answers them in their order.
///
/// What a connection holds while it waits is what thousands of idle long polls cost, so it is little: no timer, no
/// buffer, no request. While a handler runs, the socket is still read, so that a client that goes away is noticed; if
/// bytes of a next request come, they are set aside and reading stops until the response is out.
final class HTTPConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Where the connection is.
    enum Phase {
        case awaitingHead
        case receivingBody
        /// The handler runs and takes the body as it comes.
        case streamingBody
        case handling
        /// A response is on its way that the client has not taken.
        case writing
        /// Answered for the last time; what still comes is dropped.
        case lingering
        case closed
    }

    let shared: ListenerContext
    private let registry: ConnectionRegistry
    var registryIndex: Int?
    var channelContext: ChannelHandlerContext?
    var remoteAddress = ""
    var phase = Phase.awaitingHead
    /// In nanoseconds of the monotonic clock; checked now and then by the registry.
    var deadline: UInt64 = .max
    var bodyStartedAt: UInt64 = 0
    var current: PendingRequest?
    /// The task of an asynchronous handler, if the client's leaving is to cancel it.
    var handlerTask: Task<Void, Never>?
    var cancelsOnDisconnect = false
    /// Where the body goes while the handler takes it as it comes.
    var bodyStream: RequestBodyStream?
    /// The handler has more of the body than it has taken: the socket is not read.
    var bodyIsFull = false
    var bodyPausedAt: UInt64 = 0
    /// Parts of requests that came while another was handled.
    private var setAside: [HTTPServerRequestPart] = []
    private var isDraining = false
    private var readIsWithheld = false
    /// The bytes that follow cannot be understood: the connection ends after the response that is due.
    private var inputIsBroken = false

    init(shared: ListenerContext, registry: ConnectionRegistry) {
        self.shared = shared
        self.registry = registry
    }

    func handlerAdded(context: ChannelHandlerContext) {
        channelContext = context
        remoteAddress = ClientAddress.of(context.remoteAddress)
        deadline = after(milliseconds: shared.limits.headerTimeout)
        registry.add(self)
        shared.metrics.connections.add(1)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
        registry.remove(self)
        shared.metrics.connections.add(-1)
        channelContext = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if takesParts(context) && setAside.isEmpty {
            take(part, context)
        } else if phase != .lingering && phase != .closed && !inputIsBroken {
            setAside.append(part)
        }
    }

    func read(context: ChannelHandlerContext) {
        if (setAside.isEmpty && !bodyIsFull) || phase == .lingering {
            context.read()
        } else {
            readIsWithheld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { takeWhatWasSetAside() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let parserError = error as? HTTPParserError else {
            shared.log.debug("connection failed", [("remote", remoteAddress), ("fault", String(describing: error))])
            closeNow()
            return
        }
        inputIsBroken = true
        shared.metrics.malformedRequests.add()
        switch phase {
        case .awaitingHead, .receivingBody:
            if case .headerOverflow = parserError {
                answerAndLinger(.matrixError(431, "M_TOO_LARGE", "The request header is too large"))
            } else {
                answerAndLinger(.matrixError(400, "M_UNKNOWN", "The request is not valid HTTP"))
            }
        case .streamingBody: closeNow()
        case .handling, .writing, .lingering, .closed: break
        }
    }

    // MARK: - Parts of requests

    private func takesParts(_ context: ChannelHandlerContext) -> Bool {
        switch phase {
        case .awaitingHead, .receivingBody: context.channel.isWritable
        case .streamingBody: !bodyIsFull
        case .handling, .writing, .lingering, .closed: false
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head): takeHead(head, context)
        case .body(let bytes): if phase == .streamingBody { takeStreamed(bytes) } else { takeBody(bytes) }
        case .end: if phase == .streamingBody { endStreaming() } else { dispatch() }
        }
    }

    private func takeHead(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        // Two requests for one response would be our own fault; refusing is safe.
        guard current == nil else { return closeNow() }
        let address = clientAddress(head.headers)
        let request = PendingRequest(head, context: shared, remoteAddress: address)
        current = request
        phase = .receivingBody
        guard request.hasBody else { return }
        if let length = request.declaredLength, length > request.maxBodyBytes {
            return answerAndLinger(refusal(of: request) ?? MatrixError.tooLarge.response)
        }
        bodyStartedAt = MonotonicTime.nanoseconds()
        deadline = after(milliseconds: shared.limits.bodyTimeout)
        if request.expectsContinue {
            // A client that asks first has not sent the body and will not if we refuse.
            if let refusal = refusal(of: request) { return answerAndLinger(refusal) }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
        if request.streamsBody { beginStreaming(request, context) }
    }

    private func takeBody(_ bytes: ByteBuffer) {
        guard let request = current else { return }
        let (received, overflow) = request.received.addingReportingOverflow(bytes.readableBytes)
        guard !overflow, received <= request.maxBodyBytes else {
            return answerAndLinger(refusal(of: request) ?? MatrixError.tooLarge.response)
        }
        current?.received = received
        deadline = bodyDeadline(received: received)
        guard !request.isRefused else { return }
        let metrics = shared.metrics
        metrics.bufferedBodyBytes.add(bytes.readableBytes)
        current?.accounted += bytes.readableBytes
        guard metrics.bufferedBodyBytes.value <= shared.limits.maxBufferedBodyBytes else {
            shared.pool.noteRefusal()
            return answerAndLinger(MatrixError.overloaded.response)
        }
        if request.received == 0 {
            // A length is a claim; memory is only given for what has come.
            current?.body.reserveCapacity(min(request.declaredLength ?? 0, 64 << 10))
        }
        bytes.withUnsafeReadableBytes { current?.body.append(contentsOf: $0) }
    }

    private func refusal(of request: PendingRequest) -> HTTPResponse? {
        if case .refuse(let response) = request.plan { return response }
        return nil
    }

    /// Goes on with the parts that came too early.
    func takeWhatWasSetAside() {
        guard let context = channelContext, !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        var taken = 0
        while taken < setAside.count, takesParts(context) {
            take(setAside[taken], context)
            taken += 1
        }
        if phase == .closed || phase == .lingering {
            setAside = []
        } else if taken > 0 {
            setAside.removeFirst(taken)
        }
        if setAside.isEmpty {
            // An array that once held a burst keeps its memory: let it go.
            setAside = []
            resumeReading()
        }
    }

    private func resumeReading() {
        guard readIsWithheld, !bodyIsFull || phase == .lingering else { return }
        readIsWithheld = false
        channelContext?.read()
    }

    // MARK: - Responses

    /// Sends a response and turns to the next request.
    func send(_ rendered: RenderedResponse, keepsAlive: Bool) {
        guard let context = channelContext, phase != .closed, phase != .lingering else { return }
        let bytes = rendered.buffer.readableBytes
        let staysOpen = keepsAlive && !inputIsBroken && !registry.isDraining
        if let file = rendered.file { return send(rendered.buffer, file: file, staysOpen: staysOpen) }
        if staysOpen && bytes <= Self.largeResponse {
            context.writeAndFlush(wrapOutboundOut(rendered.buffer), promise: nil)
            return beNextRequest()
        }
        phase = .writing
        deadline = writeDeadline(bytes: bytes)
        let written = context.writeAndFlush(wrapOutboundOut(rendered.buffer))
        written.assumeIsolated().whenComplete { [self] result in
            guard phase == .writing else { return }
            if case .failure = result { return closeNow() }
            if staysOpen { beNextRequest() } else { closeNow() }
        }
    }

    /// Answers before the request is complete, and ends the connection without cutting off the answer.
    func answerAndLinger(_ response: HTTPResponse) {
        guard let context = channelContext, phase != .closed, phase != .lingering else { return }
        var framing =
            current?.framing ?? ResponseFraming(keepsAlive: false, isHead: false, isHTTP10: false, cors: true)
        framing.keepsAlive = false
        let rendered = framing.render(response, date: shared.dateField)
        shared.metrics.observe(route: nil, status: rendered.status, nanoseconds: 0)
        linger(after: rendered.buffer, context)
    }

    /// Sends the last answer while more of the request comes, and drops that.
    func linger(after answer: ByteBuffer, _ context: ChannelHandlerContext) {
        forgetCurrent()
        bodyStream = nil
        phase = .lingering
        deadline = after(milliseconds: shared.limits.lingerTimeout)
        setAside = []
        // Closing at once while bytes of the client are unread would reset the connection, and the client might never
        // see the answer. So only our half is closed, and the rest of the request is dropped.
        let written = context.writeAndFlush(wrapOutboundOut(answer))
        written.assumeIsolated().whenComplete { [self] _ in
            guard let context = channelContext, phase == .lingering else { return }
            context.close(mode: .output).assumeIsolated().whenFailure { [self] _ in closeNow() }
        }
        resumeReading()
    }

    func beNextRequest() {
        phase = .awaitingHead
        deadline = after(milliseconds: shared.limits.idleTimeout)
        if setAside.isEmpty { resumeReading() } else { takeWhatWasSetAside() }
    }

    // MARK: - The end

    func checkDeadline(now: UInt64) {
        guard now >= deadline, phase != .closed, phase != .handling else { return }
        if phase == .receivingBody || phase == .streamingBody || phase == .writing {
            shared.metrics.connectionsTimedOut.add()
        }
        closeNow()
    }

    func closeIfIdle() {
        if phase == .awaitingHead { closeNow() }
    }

    func cancelHandler() { handlerTask?.cancel() }

    func closeNow() {
        leave()
        channelContext?.close(promise: nil)
    }

    private func leave() {
        guard phase != .closed else { return }
        phase = .closed
        deadline = .max
        setAside = []
        forgetCurrent()
        bodyStream?.fail(RequestBodyStream.Fault.disconnected)
        bodyStream = nil
        if cancelsOnDisconnect { handlerTask?.cancel() }
        handlerTask = nil
    }

    func forgetCurrent() {
        if let accounted = current?.accounted { shared.metrics.bufferedBodyBytes.add(-accounted) }
        current = nil
    }

    // MARK: - Deadlines

    private static let largeResponse = 32 << 10

    private func after(milliseconds: Int64) -> UInt64 {
        MonotonicTime.nanoseconds() &+ UInt64(max(0, milliseconds)) &* 1_000_000
    }

    func bodyDeadline(received: Int) -> UInt64 {
        bodyStartedAt &+ UInt64(max(0, shared.limits.bodyTimeout)) &* 1_000_000 &+ allowance(bytes: received)
    }

    func writeDeadline(bytes: Int) -> UInt64 {
        after(milliseconds: shared.limits.writeTimeout) &+ allowance(bytes: bytes)
    }

    /// The time that so many bytes may take at the least rate.
    private func allowance(bytes: Int) -> UInt64 {
        let rate = UInt64(max(1, shared.limits.minBodyBytesPerSecond))
        return UInt64(max(0, bytes)) &* 1000 / rate &* 1_000_000
    }

    private func clientAddress(_ headers: HTTPHeaders) -> String {
        guard shared.listener.xForwarded else { return remoteAddress }
        return ClientAddress.forwarded(in: headers, trustedProxies: shared.listener.trustedProxies) ?? remoteAddress
    }
}
