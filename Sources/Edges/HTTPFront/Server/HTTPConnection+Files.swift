import NIOCore

extension HTTPConnection {
    /// How long to wait for a pool that has no thread to spare.
    private static let poolPause = TimeAmount.milliseconds(20)

    /// Sends the header, then the file piece by piece, as fast as the client takes it.
    func send(_ header: ByteBuffer, file: FileBody, staysOpen: Bool) {
        guard let context = channelContext else { return }
        phase = .writing
        deadline = writeDeadline(bytes: header.readableBytes)
        context.writeAndFlush(wrapOutboundOut(header), promise: nil)
        pump(FileSending(file), staysOpen: staysOpen)
    }

    private func pump(_ sending: FileSending, staysOpen: Bool) {
        guard phase == .writing, let context = channelContext else { return }
        let loop = context.eventLoop
        let connection = NIOLoopBound(self, eventLoop: loop)
        let own = NIOLoopBound(sending, eventLoop: loop)
        let isAsked = sending.read(on: shared.pool, loop) { piece in
            own.value.took(piece)
            connection.value.pump(own.value, staysOpen: staysOpen)
        }
        if !isAsked {
            deadline = writeDeadline(bytes: 0)
            loop.scheduleTask(in: Self.poolPause) { connection.value.pump(own.value, staysOpen: staysOpen) }
        }
        switch sending.next() {
        case .wait: return
        case .failed:
            shared.log.error("a file could not be read to its end", [("remote", remoteAddress)])
            closeNow()
        case .finished:
            if staysOpen { beNextRequest() } else { closeNow() }
        case .write(let piece):
            deadline = writeDeadline(bytes: piece.readableBytes)
            let written = context.writeAndFlush(wrapOutboundOut(piece))
            written.assumeIsolated().whenComplete { [self] result in
                if case .failure = result { return closeNow() }
                sending.wrote(piece)
                pump(sending, staysOpen: staysOpen)
            }
            // The next piece is read while this one goes out.
            pump(sending, staysOpen: staysOpen)
        }
    }
}
