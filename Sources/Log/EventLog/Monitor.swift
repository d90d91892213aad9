import Glibc

/// A value that threads share and wait on: a mutex with a condition.
///
/// `Mutex` cannot wait; the log's own threads must sleep until there is work.
// SAFETY: the value is touched only while the mutex is held; the pointers live as long as the object.
final class Monitor<Value>: @unchecked Sendable {
    // SAFETY: `value` is touched only while `mutex` is held; the pointers live as long as the object.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Looks at the value without waking anyone.
    func read<R>(_ body: (Value) -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(value)
    }

    /// Changes the value. Who waits is woken only if told: a needless wake-up costs two switches of threads.
    func update<R>(waking: Bool, _ body: (inout Value) -> R) -> R {
        pthread_mutex_lock(mutex)
        defer {
            pthread_mutex_unlock(mutex)
            if waking { pthread_cond_broadcast(changed) }
        }
        return body(&value)
    }

    /// Waits until `body` answers something.
    func wait<R>(_ body: (inout Value) -> R?) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            pthread_cond_wait(changed, mutex)
        }
    }

    /// Wakes who waits, after a change made in `wait`.
    func wake() {
        pthread_cond_broadcast(changed)
    }
}
