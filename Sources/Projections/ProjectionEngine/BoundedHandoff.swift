import Glibc

/// Hands chunks from one thread to another, holding only a few.
///
/// Both ends are threads that may block; nothing of Swift's concurrency waits here.
final class BoundedHandoff<Element: Sendable>: @unchecked Sendable {
    // SAFETY: every field is read and written only while `mutex` is held; the pointers live as long as the object.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let capacity: Int
    private var waiting: [Element] = []
    private var ending: Result<Void, any Error>?
    private var isAbandoned = false

    init(capacity: Int) {
        self.capacity = capacity
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    private func locked<R>(_ body: () throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Gives a chunk; false when the taker has gone.
    func give(_ element: Element) -> Bool {
        locked {
            while waiting.count >= capacity, !isAbandoned { pthread_cond_wait(changed, mutex) }
            if isAbandoned { return false }
            waiting.append(element)
            pthread_cond_broadcast(changed)
            return true
        }
    }

    /// No more chunks will come, or an error stands in their place.
    func end(_ result: Result<Void, any Error>) {
        locked {
            ending = result
            pthread_cond_broadcast(changed)
        }
    }

    /// Takes the next chunk, nil after the last.
    func take() throws -> Element? {
        try locked {
            while waiting.isEmpty {
                if let ending {
                    try ending.get()
                    return nil
                }
                pthread_cond_wait(changed, mutex)
            }
            pthread_cond_broadcast(changed)
            return waiting.removeFirst()
        }
    }

    /// The taker goes; the giver is told at its next chunk.
    func abandon() {
        locked {
            isAbandoned = true
            pthread_cond_broadcast(changed)
        }
    }
}

/// A thread of its own for work that blocks, joined before the one who began it goes on.
final class WorkThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    private var thread: pthread_t = 0
    private let isRunning: Bool

    init(_ body: @escaping @Sendable () -> Void) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        // Trees of JSON are walked by recursion.
        pthread_attr_setstacksize(attributes, 8 << 20)
        let work = Unmanaged.passRetained(Work(body))
        let result = pthread_create(
            &thread, attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        pthread_attr_destroy(attributes)
        attributes.deallocate()
        isRunning = result == 0
        if !isRunning {
            // No thread to be had: the work is done here, before its results are asked for.
            work.takeRetainedValue().body()
        }
    }

    func join() {
        if isRunning { pthread_join(thread, nil) }
    }
}
