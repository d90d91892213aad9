import Glibc
import Synchronization

/// Text for people: results on standard output, everything else on standard error.
enum Terminal {
    /// A line of the result.
    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// A remark, a warning or a failure.
    static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }

    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }
}

/// Progress of a long verb: one line, rewritten a few times a second on a terminal, a line each few seconds elsewhere.
final class ProgressLine: Sendable {
    private struct State {
        var started = ContinuousClock.now
        var shown: ContinuousClock.Instant?
    }

    private let what: String
    private let state = Mutex(State())

    init(_ what: String) { self.what = what }

    /// Shows how far it got; `total` 0 means unknown.
    func update(_ done: UInt64, of total: UInt64) {
        let now = ContinuousClock.now
        let interval: Duration = Terminal.isInteractive ? .milliseconds(200) : .seconds(5)
        let elapsed = state.withLock { state -> Duration? in
            // Nothing is shown in the first second: short work needs no progress.
            guard now - state.started > .seconds(1), state.shown.map({ now - $0 > interval }) ?? true else {
                return nil
            }
            state.shown = now
            return now - state.started
        }
        guard let elapsed else { return }
        let seconds = max(1, elapsed.components.seconds)
        let rate = done / UInt64(seconds)
        let share = total > 0 ? ", \(done * 100 / total) %" : ""
        let text = "\(what): \(done)\(total > 0 ? " of \(total)" : "")\(share), \(rate)/s"
        Terminal.note(Terminal.isInteractive ? "\u{1b}[1A\u{1b}[2K" + text : text)
    }
}

/// Whether the person pressed Ctrl-C; long verbs look at it between steps, so that stopping is always safe.
enum Interruption {
    private static let pressed = Atomic<Bool>(false)

    static func watch() {
        signal(SIGINT) { _ in Interruption.mark() }
        signal(SIGTERM) { _ in Interruption.mark() }
    }

    private static func mark() { pressed.store(true, ordering: .relaxed) }

    static var wasRequested: Bool { pressed.load(ordering: .relaxed) }
}
