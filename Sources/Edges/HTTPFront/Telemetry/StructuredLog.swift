import Glibc
import Synchronization

/// The log of what the process does, one line a message, for people and for machines.
///
/// Callers render into a buffer under a short lock; a thread of its own writes it out. If the reader of the log
/// stalls, the buffer fills and lines are dropped and counted: logging never blocks a request.
package final class StructuredLog: Sendable {
    /// How much a line matters.
    package enum Level: Int, Sendable, Comparable, CaseIterable {
        case debug, info, warning, error

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

        package var name: String {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }
    }

    /// How a line looks.
    package enum Format: Sendable { case plain, json }

    /// Where lines go.
    package enum Sink: Sendable {
        case standardError
        case file(path: String)
        /// For tests and for programs that show the log themselves; called on the log's thread.
        case closure(@Sendable ([UInt8]) -> Void)
        case nowhere
    }

    private struct State {
        var pending: [UInt8] = []
        var dropped = 0
        var stopping = false
    }

    private let minimum: Atomic<Int>
    private let format: Format
    private let wallClock: @Sendable () -> Int64
    private let state = Mutex(State())
    private let wakeUps = CountingSemaphore()
    private let output: LogOutput
    private let isDiscarding: Bool
    private static let maxPending = 4 << 20

    /// - Parameter wallClock: milliseconds since 1970.
    package init(
        minimumLevel: Level = .info, format: Format = .plain, sink: Sink = .standardError,
        wallClock: (@Sendable () -> Int64)? = nil
    ) {
        minimum = Atomic(minimumLevel.rawValue)
        self.format = format
        self.wallClock = wallClock ?? { MonotonicTime.wallMilliseconds() }
        output = LogOutput(sink)
        if case .nowhere = sink { isDiscarding = true } else { isDiscarding = false }
        if !isDiscarding { startWriter() }
    }

    /// The least level that is written; can be changed while the server runs.
    package var minimumLevel: Level {
        get { Level(rawValue: minimum.load(ordering: .relaxed)) ?? .info }
        set { minimum.store(newValue.rawValue, ordering: .relaxed) }
    }

    package func debug(_ message: @autoclosure () -> String, _ pairs: @autoclosure () -> [(String, String)] = []) {
        write(.debug, message, pairs)
    }

    package func info(_ message: @autoclosure () -> String, _ pairs: @autoclosure () -> [(String, String)] = []) {
        write(.info, message, pairs)
    }

    package func warning(_ message: @autoclosure () -> String, _ pairs: @autoclosure () -> [(String, String)] = []) {
        write(.warning, message, pairs)
    }

    package func error(_ message: @autoclosure () -> String, _ pairs: @autoclosure () -> [(String, String)] = []) {
        write(.error, message, pairs)
    }

    /// Whether lines of a level are written.
    package func writes(_ level: Level) -> Bool {
        !isDiscarding && level.rawValue >= minimum.load(ordering: .relaxed)
    }

    /// Closes and opens the file again, after it was renamed by log rotation.
    package func reopen() { output.reopen() }

    /// Writes out what is pending, on the caller's thread.
    package func flush() { drain() }

    /// Writes out what is pending and ends the log's thread.
    package func close() {
        state.withLock { $0.stopping = true }
        wakeUps.signal()
        drain()
    }

    private func write(_ level: Level, _ message: () -> String, _ pairs: () -> [(String, String)]) {
        guard writes(level) else { return }
        var line: [UInt8] = []
        line.reserveCapacity(160)
        let time = CivilTime(millisecondsSince1970: wallClock())
        switch format {
        case .plain: LogLine.appendPlain(time, level, message(), pairs(), to: &line)
        case .json: LogLine.appendJSON(time, level, message(), pairs(), to: &line)
        }
        let finished = line
        let wasEmpty = state.withLock { state in
            let wasEmpty = state.pending.isEmpty
            if state.pending.count + finished.count > Self.maxPending {
                state.dropped += 1
            } else {
                state.pending += finished
            }
            return wasEmpty
        }
        if wasEmpty { wakeUps.signal() }
    }

    private func drain() {
        output.withExclusiveAccess { emit in
            let (bytes, dropped) = state.withLock { state in
                defer {
                    state.pending = []
                    state.dropped = 0
                }
                return (state.pending, state.dropped)
            }
            if !bytes.isEmpty { emit(bytes) }
            if dropped > 0 {
                var line: [UInt8] = []
                let time = CivilTime(millisecondsSince1970: wallClock())
                let pairs = [("lines", String(dropped))]
                switch format {
                case .plain: LogLine.appendPlain(time, .warning, "log lines dropped", pairs, to: &line)
                case .json: LogLine.appendJSON(time, .warning, "log lines dropped", pairs, to: &line)
                }
                emit(line)
            }
        }
    }

    private func startWriter() {
        let start = Unmanaged.passRetained(WriterStart(log: self))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<WriterStart>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, start.toOpaque())
        if result == 0 { pthread_detach(thread) } else { start.release() }
    }

    /// The log's thread must not keep the log alive: a log that nobody holds ends its thread.
    private final class WriterStart: Sendable {
        private let wakeUps: CountingSemaphore
        private let current: @Sendable () -> StructuredLog?

        init(log: StructuredLog) {
            wakeUps = log.wakeUps
            current = { [weak log] in log }
        }

        func run() {
            while true {
                wakeUps.wait()
                guard let log = current() else { return }
                log.drain()
                if log.state.withLock({ $0.stopping }) { return }
            }
        }
    }

    deinit { wakeUps.signal() }
}
