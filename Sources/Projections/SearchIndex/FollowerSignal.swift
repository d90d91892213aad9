import Glibc

/// Wakes one thread that may sleep: soon when there is work, at once when somebody waits for it.
// SAFETY: every field is read and written only while `mutex` is held; the pointers live as long as the object.
final class FollowerSignal: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var hasWork = false
    private var isUrgent = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// There is work.
    func raise() {
        pthread_mutex_lock(mutex)
        if !hasWork {
            hasWork = true
            pthread_cond_signal(changed)
        }
        pthread_mutex_unlock(mutex)
    }

    /// There is work that somebody waits for.
    func hurry() {
        pthread_mutex_lock(mutex)
        hasWork = true
        isUrgent = true
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Waits for work, and then a little for more of it.
    func wait(gatheringMs: Int) {
        pthread_mutex_lock(mutex)
        while !hasWork { pthread_cond_wait(changed, mutex) }
        sleepUntilUrgent(milliseconds: gatheringMs)
        hasWork = false
        isUrgent = false
        pthread_mutex_unlock(mutex)
    }

    /// Waits a while, or until somebody is in a hurry.
    func pause(milliseconds: Int) {
        pthread_mutex_lock(mutex)
        sleepUntilUrgent(milliseconds: milliseconds)
        isUrgent = false
        pthread_mutex_unlock(mutex)
    }

    private func sleepUntilUrgent(milliseconds: Int) {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        let nanoseconds = deadline.tv_nsec + (milliseconds % 1000) * 1_000_000
        deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        while !isUrgent {
            if pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT { return }
        }
    }
}
