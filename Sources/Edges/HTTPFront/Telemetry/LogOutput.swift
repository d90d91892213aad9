import Glibc
import Synchronization

/// The open end of a log: a descriptor or a closure.
final class LogOutput: Sendable {
    private let sink: StructuredLog.Sink
    /// The descriptor; one writer at a time keeps lines in order.
    private let descriptor: Mutex<Int32>

    init(_ sink: StructuredLog.Sink) {
        self.sink = sink
        descriptor = Mutex(Self.open(sink))
    }

    deinit {
        if case .file = sink { descriptor.withLock { if $0 > 2 { close($0) } } }
    }

    func reopen() {
        guard case .file = sink else { return }
        descriptor.withLock { current in
            let fresh = Self.open(sink)
            // If the path cannot be opened now, the old file is better than none.
            guard fresh > 2 else { return }
            if current > 2 { close(current) }
            current = fresh
        }
    }

    func withExclusiveAccess(_ body: (_ emit: ([UInt8]) -> Void) -> Void) {
        descriptor.withLock { descriptor in
            let current = descriptor
            body { bytes in
                switch sink {
                case .nowhere: return
                case .closure(let receive): receive(bytes)
                case .standardError, .file: Self.writeAll(bytes, to: current)
                }
            }
        }
    }

    private static func open(_ sink: StructuredLog.Sink) -> Int32 {
        switch sink {
        case .file(let path):
            let opened = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
            return opened >= 0 ? opened : STDERR_FILENO
        case .standardError, .closure, .nowhere: return STDERR_FILENO
        }
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let written = write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
                if written > 0 {
                    offset += written
                } else if errno != EINTR {
                    // A log that cannot be written has nobody to tell.
                    return
                }
            }
        }
    }
}
