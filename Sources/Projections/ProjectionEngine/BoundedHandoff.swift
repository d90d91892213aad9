import Glibc

/// Hands chunks from one thread to another, holding only a few.
///
/// Both ends are threads that may block; nothing of Swift's concurrency waits here.
// SAFETY: every field is read and written only while `mutex` is held; the pointers live as long as the object.
final class BoundedHandoff<Element: Sendable>: @unchecked Sendable {
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
