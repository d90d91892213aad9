import Dispatch
import Glibc

/// The signals that a server answers to.
final class SignalStream: Sendable {
    enum Kind: Sendable {
        /// SIGTERM or SIGINT.
        case stop
        /// SIGHUP.
        case reload
    }

    let stream: AsyncStream<Kind>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Kind.self)
        self.stream = stream
        signal(SIGPIPE, SIG_IGN)
        sources = [(SIGTERM, Kind.stop), (SIGINT, .stop), (SIGHUP, .reload)].map { number, kind in
            // The default action would end the process before the source hears of it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield(kind) }
            source.resume()
            return source
        }
    }
}
