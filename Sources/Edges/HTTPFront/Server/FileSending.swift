import NIOCore

/// One file on its way to a client: read on the pool, written on the event loop, at most two pieces in memory.
///
/// The next piece is read while the one before it goes out; a client that takes nothing stops the reading.
final class FileSending {
    /// What the connection does next.
    enum Step {
        case wait
        case write(ByteBuffer)
        case finished
        case failed
    }

    private static let pieceBytes = 128 << 10

    let body: FileBody
    /// How much was asked of the pool, and how much was given to the channel.
    private var readUpTo: Int64 = 0
    private var writtenUpTo: Int64 = 0
    private var isReading = false
    private var ready: ByteBuffer?
    private var isWriting = false
    private var hasFailed = false
    /// The memory of a piece that has gone out.
    private var spare: ByteBuffer?

    init(_ body: FileBody) { self.body = body }

    /// Asks the pool for the next piece if there is one and nobody reads. False if the pool takes no work now.
    func read(
        on pool: WorkerPool, _ loop: any EventLoop, then resume: @escaping @Sendable (ByteBuffer?) -> Void
    ) -> Bool {
        guard !isReading, ready == nil, !hasFailed, readUpTo < body.length else { return true }
        let (body, place) = (body, readUpTo)
        let wanted = Int(min(Int64(Self.pieceBytes), body.length - place))
        var buffer = spare ?? ByteBufferAllocator().buffer(capacity: wanted)
        spare = nil
        buffer.clear(minimumCapacity: wanted)
        let empty = buffer
        buffer = ByteBuffer()
        isReading = pool.run {
            var buffer = empty
            var failed = false
            while buffer.readableBytes < wanted, !failed {
                let filled = Int64(buffer.readableBytes)
                let missing = wanted - buffer.readableBytes
                buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { memory in
                    let room = UnsafeMutableRawBufferPointer(rebasing: memory.prefix(missing))
                    guard let count = body.read(at: place + filled, into: room) else {
                        failed = true
                        return 0
                    }
                    return count
                }
            }
            let piece = failed ? nil : buffer
            loop.execute { resume(piece) }
        }
        return isReading
    }

    /// A piece was read, or could not be.
    func took(_ piece: ByteBuffer?) {
        isReading = false
        guard let piece else {
            hasFailed = true
            return
        }
        readUpTo += Int64(piece.readableBytes)
        ready = piece
    }

    /// What to do now.
    func next() -> Step {
        if hasFailed { return .failed }
        if isWriting { return .wait }
        if let piece = ready {
            ready = nil
            isWriting = true
            return .write(piece)
        }
        return writtenUpTo >= body.length ? .finished : .wait
    }

    /// A piece has gone out.
    func wrote(_ piece: ByteBuffer) {
        isWriting = false
        writtenUpTo += Int64(piece.readableBytes)
        spare = piece
    }
}
