import Glibc
import Synchronization

/// The environments this process has open.
///
/// "Do not have open an LMDB database twice in the same process at the same time": closing one would drop the
/// file locks of the other.
enum OpenDirectories {
    struct FileIdentity: Hashable {
        var device: UInt
        var inode: UInt
    }

    private static let open = Mutex<Set<FileIdentity>>([])

    final class Registration: Sendable {
        private let identity: FileIdentity
        private let isReleased = Mutex(false)

        init(_ identity: FileIdentity) {
            self.identity = identity
        }

        deinit {
            release()
        }

        func release() {
            let first = isReleased.withLock { isReleased in
                defer { isReleased = true }
                return !isReleased
            }
            if first { _ = OpenDirectories.open.withLock { $0.remove(identity) } }
        }
    }

    static func register(_ directory: String) throws(StoreFault) -> Registration {
        var status = stat()
        guard stat(directory, &status) == 0 else {
            throw StoreFault(result: errno, operation: "opening the store", path: directory)
        }
        let identity = FileIdentity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
        guard open.withLock({ $0.insert(identity).inserted }) else {
            throw StoreFault(code: .lockedByOther, operation: "opening the store twice in one process", path: directory)
        }
        return Registration(identity)
    }
}
