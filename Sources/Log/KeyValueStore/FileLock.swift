import Glibc
import Synchronization

/// An advisory lock on a file, held by this process until it is released or the process ends.
///
/// LMDB would let a second process write in turn; the log's writer keeps the chain head in memory, so it may not.
final class FileLock: Sendable {
    private let descriptor: Mutex<Int32?>

    init(path: String, directory: String) throws(StoreFault) {
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw StoreFault(result: errno, operation: "opening the writer lock", path: directory)
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            Glibc.close(opened)
            if number == EWOULDBLOCK {
                throw StoreFault(code: .lockedByOther, operation: "taking the writer lock", path: directory)
            }
            throw StoreFault(result: number, operation: "taking the writer lock", path: directory)
        }
        descriptor = Mutex(opened)
    }

    deinit {
        release()
    }

    func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor {
                // Closing alone would not do: a child process that is just being started has a copy of the descriptor until
                // it runs its program, and the lock would live as long as that.
                _ = flock(open, LOCK_UN)
                Glibc.close(open)
            }
            descriptor = nil
        }
    }
}
