import Glibc
import Synchronization

/// A thread of the log's own: LMDB's write transactions belong to a thread, and a sync blocks for as long as the disk takes.
final class WorkerThread: Sendable {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    private let thread: Mutex<pthread_t?>

    /// Starts at once; nil when the system has no thread left.
    init?(name: String, _ body: @escaping @Sendable () -> Void) {
        var identifier = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let result = pthread_create(
            &identifier, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard result == 0 else {
            work.release()
            return nil
        }
        thread = Mutex(identifier)
    }

    /// Waits for the thread's end; the second time it returns at once.
    func join() {
        let identifier = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let identifier { pthread_join(identifier, nil) }
    }
}
