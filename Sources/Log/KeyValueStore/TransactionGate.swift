import Glibc

/// Counts the read transactions of an environment so that the map can be remapped while there are none.
///
/// It also keeps the idle read transactions: renewing one costs a third of beginning one.
// SAFETY: every field is touched only while the mutex is held.
final class TransactionGate: @unchecked Sendable {
    // SAFETY: every field is read and written only while `mutex` is held; the pointers live as long as the object.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var active = 0
    private var isQuiescing = false
    private var isClosed = false
    private var idle: [OpaquePointer] = []

    /// What a reader gets when it enters.
    enum Entry {
        case renew(OpaquePointer)
        case begin
        case closed
    }

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

    /// Lets a reader in, after waiting for a remap to end.
    ///
    /// A thread that reads already must not wait: the remap waits for its outer read.
    func enter(nested: Bool) -> Entry {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while isQuiescing, !nested { pthread_cond_wait(changed, mutex) }
        if isClosed { return .closed }
        active += 1
        if let handle = idle.popLast() { return .renew(handle) }
        return .begin
    }

    /// Takes a reader out, keeping its reset transaction when there is one.
    func leave(keeping handle: OpaquePointer?) {
        pthread_mutex_lock(mutex)
        active -= 1
        if let handle { idle.append(handle) }
        if active == 0, isQuiescing { pthread_cond_broadcast(changed) }
        pthread_mutex_unlock(mutex)
    }

    /// Runs `body` while no read transaction is active. Only one thread at a time may call it.
    ///
    /// With `droppingIdle` or `closing` the body gets the idle transactions and must end them.
    func quiesced<R>(closing: Bool = false, droppingIdle: Bool = false, _ body: ([OpaquePointer]) -> R) -> R {
        pthread_mutex_lock(mutex)
        isQuiescing = true
        while active > 0 { pthread_cond_wait(changed, mutex) }
        if closing { isClosed = true }
        var handles: [OpaquePointer] = []
        if closing || droppingIdle { swap(&handles, &idle) }
        let result = body(handles)
        isQuiescing = false
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
        return result
    }
}
