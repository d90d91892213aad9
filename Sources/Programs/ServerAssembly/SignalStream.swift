import Glibc
import Synchronization

/// The signals that a server answers to.
///
/// A thread of its own waits for them, so that they need no handler that runs at an arbitrary point.
final class SignalStream: Sendable {
    enum Kind: Sendable {
        /// SIGTERM or SIGINT.
        case stop
        /// SIGHUP.
        case reload
    }

    let stream: AsyncStream<Kind>

    /// Takes the signals for itself: call before other threads start, for they inherit what is blocked.
    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Kind.self)
        self.stream = stream
        signal(SIGPIPE, SIG_IGN)
        SignalTrap.install { continuation.yield($0) }
    }
}

/// Signal handlers may do next to nothing: they write a byte into a pipe that a thread reads.
private enum SignalTrap {
    private static let writeEnd = Atomic<Int32>(-1)

    static func install(_ deliver: @escaping @Sendable (SignalStream.Kind) -> Void) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        writeEnd.store(ends[1], ordering: .releasing)
        let readEnd = ends[0]
        for number in [SIGTERM, SIGINT, SIGHUP] { signal(number) { SignalTrap.note($0) } }
        let body = Unmanaged.passRetained(Listener(readEnd: readEnd, deliver: deliver))
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Listener>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        pthread_detach(thread)
    }

    private static func note(_ number: Int32) {
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(writeEnd.load(ordering: .acquiring), &byte, 1)
    }

    private final class Listener: Sendable {
        let readEnd: Int32
        let deliver: @Sendable (SignalStream.Kind) -> Void

        init(readEnd: Int32, deliver: @escaping @Sendable (SignalStream.Kind) -> Void) {
            self.readEnd = readEnd
            self.deliver = deliver
        }

        func run() {
            var byte: UInt8 = 0
            while true {
                let count = read(readEnd, &byte, 1)
                if count == 1 {
                    deliver(Int32(byte) == SIGHUP ? .reload : .stop)
                } else if count == 0 || errno != EINTR {
                    return
                }
            }
        }
    }
}
