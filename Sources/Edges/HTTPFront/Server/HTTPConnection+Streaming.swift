import NIOCore

extension HTTPConnection {
    /// Runs the handler at once and gives it the body as it comes.
    func beginStreaming(_ pending: PendingRequest, _ context: ChannelHandlerContext) {
        guard case .handle(let route) = pending.plan, let target = pending.target else { return }
        let loop = context.eventLoop
        let connection = NIOLoopBound(self, eventLoop: loop)
        let stream = RequestBodyStream(buffered: shared.metrics.bufferedBodyBytes) {
            loop.execute { connection.value.bodyHasRoom() }
        }
        guard case .async(let handler) = shared.router.routes[route].handler, !shared.pool.isSaturated else {
            shared.pool.noteRefusal()
            return answerAndLinger(MatrixError.overloaded.response)
        }
        phase = .streamingBody
        bodyStream = stream
        let exchange = exchange(pending, target, route: route, stream: stream)
        exchange.begin()
        runAsync(handler, exchange)
    }

    func takeStreamed(_ bytes: ByteBuffer) {
        guard let request = current, let bodyStream else { return }
        let (received, overflow) = request.received.addingReportingOverflow(bytes.readableBytes)
        guard !overflow, received <= request.maxBodyBytes else {
            // The handler answers: it may have something to clear away first.
            bodyStream.fail(MatrixError.tooLarge)
            pauseBody()
            return
        }
        current?.received = received
        deadline = bodyDeadline(received: received)
        if !bodyStream.put(bytes) { pauseBody() }
    }

    func endStreaming() {
        bodyStream?.end()
        bodyStream = nil
        phase = .handling
        forgetCurrent()
    }

    /// Nothing is read for a while; the time does not count against the client.
    private func pauseBody() {
        guard !bodyIsFull else { return }
        bodyIsFull = true
        bodyPausedAt = MonotonicTime.nanoseconds()
        deadline = .max
    }

    private func bodyHasRoom() {
        guard phase == .streamingBody, bodyIsFull else { return }
        bodyIsFull = false
        bodyStartedAt &+= MonotonicTime.nanoseconds() &- bodyPausedAt
        deadline = bodyDeadline(received: current?.received ?? 0)
        takeWhatWasSetAside()
    }
}
