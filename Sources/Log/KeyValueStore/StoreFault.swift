import CLMDB
import Glibc

/// What went wrong in the key-value store, where, and what an operator can do about it.
package struct StoreFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of fault a caller may want to tell apart.
    package enum Code: Sendable, Hashable {
        /// The memory map is full and has reached the largest size the options allow.
        case mapFull
        /// The disk (or a quota) is full; nothing was lost and writing works again once there is room.
        case diskFull
        /// The operating system failed to read, write or sync.
        case io(Int32)
        /// The file is damaged, or is no store at all.
        case corrupt
        /// The file was made by an incompatible version.
        case versionMismatch
        /// Another process writes to this directory, or this process has it open already.
        case lockedByOther
        /// The process may not read or write the files.
        case permission
        /// Every reader slot is taken.
        case readersFull
        /// A key is empty or longer than 511 bytes.
        case keyTooLong
        /// An append found that the new key is not greater than the last one.
        case keyOrder
        /// The directory or the table does not exist.
        case notFound
        /// Another process has grown the file while this thread already held a read transaction.
        case mapResized
        /// The environment has been closed.
        case closed
        /// The program broke a rule of the store, such as writing inside a read.
        case misuse
        /// Anything else, with the number the library gave.
        case other(Int32)
    }

    package let code: Code
    /// The operation that failed, in plain words.
    package let operation: String
    /// The directory of the environment.
    package let path: String
    /// True when the process must stop: after a failed sync nobody knows what the disk holds.
    package let isFatal: Bool

    package init(code: Code, operation: String, path: String, isFatal: Bool = false) {
        self.code = code
        self.operation = operation
        self.path = path
        self.isFatal = isFatal
    }

    package var description: String {
        "\(operation) failed in \(path): \(reason). \(advice)"
    }

    private var reason: String {
        switch code {
        case .mapFull: "the memory map is full"
        case .diskFull: "the disk is full"
        case .io(let number): "input or output error \(number) (\(Self.text(of: number)))"
        case .corrupt: "the file is damaged"
        case .versionMismatch: "the file has another format version"
        case .lockedByOther: "it is already open for writing"
        case .permission: "permission denied"
        case .readersFull: "no reader slot is free"
        case .keyTooLong: "a key must have 1 to 511 bytes"
        case .keyOrder: "the appended key does not follow the last key"
        case .notFound: "it does not exist"
        case .mapResized: "another process has grown the file"
        case .closed: "the store is closed"
        case .misuse: "the store was used against its rules"
        case .other(let number): "error \(number) (\(Self.text(of: number)))"
        }
    }

    /// One sentence that says what to do.
    package var advice: String {
        switch code {
        case .mapFull: "Raise the largest map size in the configuration and try again."
        case .diskFull: "Free some disk space; writing resumes by itself and nothing was lost."
        case .io:
            isFatal
                ? "Stop, check the disk, and start again; do not retry a failed sync."
                : "Check the disk and the system log."
        case .corrupt: "Keep a copy of the directory, then restore from a backup or rebuild."
        case .versionMismatch: "Use the program version that made the file, or a newer one."
        case .lockedByOther: "Stop the other process that uses this directory, or open it read-only."
        case .permission: "Give the process's user read and write permission on the directory and its files."
        case .readersFull: "Raise the number of readers or end processes that hold stale read transactions."
        case .keyTooLong: "Intern long strings before using them in keys."
        case .keyOrder: "This is a programming error; report it."
        case .notFound: "Check the path, or open it for writing once so that it is created."
        case .mapResized: "Try again."
        case .closed: "Open it again."
        case .misuse: "This is a programming error; report it."
        case .other: isFatal ? "Stop and start the process again." : "See the number's meaning in the LMDB manual."
        }
    }

    private static func text(of number: Int32) -> String {
        guard let pointer = mdb_strerror(number) else { return "unknown" }
        return String(cString: pointer)
    }

    /// Translates a result code of LMDB, which is either one of its own or an `errno`.
    init(result: Int32, operation: String, path: String, whileCommitting: Bool = false) {
        let code: Code
        var isFatal = false
        switch result {
        case MDB_MAP_FULL: code = .mapFull
        case ENOSPC, EDQUOT, EFBIG: code = .diskFull
        case EIO:
            code = .io(result)
            isFatal = whileCommitting
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_CURSOR_FULL, MDB_PAGE_FULL: code = .corrupt
        case MDB_VERSION_MISMATCH: code = .versionMismatch
        case MDB_PANIC:
            code = .other(result)
            isFatal = true
        case EACCES, EPERM, EROFS: code = .permission
        case ENOENT, MDB_NOTFOUND: code = .notFound
        case MDB_READERS_FULL: code = .readersFull
        case MDB_BAD_VALSIZE: code = .keyTooLong
        case MDB_KEYEXIST: code = .keyOrder
        case MDB_MAP_RESIZED: code = .mapResized
        case MDB_BAD_TXN, MDB_BAD_DBI, MDB_BAD_RSLOT: code = .misuse
        default: code = .other(result)
        }
        self.init(code: code, operation: operation, path: path, isFatal: isFatal)
    }
}
