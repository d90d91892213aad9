import CLMDB
import Glibc
import Synchronization

/// One LMDB environment: a directory with `data.mdb`, its lock file and the lock of its only writer process.
///
/// Reads and writes run in synchronous closures, so no transaction can live across a suspension. A read must not
/// contain a write of the same environment; a write may contain reads (which see the last commit).
// SAFETY: LMDB environments are made for many threads; the writer state is touched only under the writer lock.
package final class StoreEnvironment: @unchecked Sendable {
    // SAFETY: `environment` is LMDB's own thread-safe handle, replaced only by `reopen` with the writer mutex held and
    // no reader active; `writerState` is guarded by `writerMutex`; `tables` is a `Mutex`; the rest never changes.
    private(set) var environment: OpaquePointer
    package let directory: String
    package let options: StoreOptions
    let gate = TransactionGate()
    let tables = Mutex<[String: StoreTable]>([:])
    let writerState: UnsafeMutablePointer<WriterState>
    private let writerMutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let writerLock: FileLock?
    private let registration: OpenDirectories.Registration

    /// What only the thread that holds the writer mutex touches.
    struct WriterState {
        var mapBytes: Int
        var fatalFault: StoreFault?
        var isClosed = false
        var scratch = WriteScratch()
        /// How much of the file was in use after the last commit, and how much has been written to; see `extendFile`.
        var usedBytes = 0
        var writtenBytes = 0
    }

    /// Opens the environment, creating directory and file when they do not exist.
    package init(directory: String, options: StoreOptions = StoreOptions()) throws(StoreFault) {
        if !options.readOnly { try Self.makeDirectory(directory) }
        registration = try OpenDirectories.register(directory)
        writerLock = options.readOnly ? nil : try FileLock(path: directory + "/writer.lock", directory: directory)
        try StoreFileLength.check(directory: directory)
        environment = try Self.open(directory: directory, options: options)
        self.directory = directory
        self.options = options
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        writerState = .allocate(capacity: 1)
        writerState.initialize(to: WriterState(mapBytes: information.me_mapsize))
        pthread_mutex_init(writerMutex, nil)
    }

    deinit {
        close()
        pthread_mutex_destroy(writerMutex)
        writerMutex.deallocate()
        writerState.deinitialize(count: 1)
        writerState.deallocate()
    }

    private static func open(directory: String, options: StoreOptions) throws(StoreFault) -> OpaquePointer {
        func fail(_ result: Int32) -> StoreFault {
            StoreFault(result: result, operation: "opening the store", path: directory)
        }
        var created: OpaquePointer?
        let result = mdb_env_create(&created)
        guard result == MDB_SUCCESS, let created else { throw fail(result) }
        mdb_env_set_mapsize(created, options.mapSize)
        mdb_env_set_maxdbs(created, UInt32(clamping: options.maxTables))
        mdb_env_set_maxreaders(created, UInt32(clamping: options.maxReaders))
        // NOTLS ties a reader slot to the transaction object, so that a transaction can be kept for any thread.
        var flags = UInt32(MDB_NOTLS)
        if options.readOnly { flags |= UInt32(MDB_RDONLY) }
        if options.randomAccess { flags |= UInt32(MDB_NORDAHEAD) }
        switch options.durability {
        case .synced: break
        case .unsynced: flags |= UInt32(MDB_NOSYNC)
        case .unsyncedMapped: flags |= UInt32(MDB_NOSYNC | MDB_WRITEMAP)
        }
        let opened = mdb_env_open(created, directory, flags, 0o600)
        guard opened == MDB_SUCCESS else {
            mdb_env_close(created)
            throw fail(opened)
        }
        return created
    }

    private static func makeDirectory(_ directory: String) throws(StoreFault) {
        if mkdir(directory, 0o700) == 0 || errno == EEXIST { return }
        throw StoreFault(result: errno, operation: "making the directory", path: directory)
    }

    func fault(_ result: Int32, _ operation: String, whileCommitting: Bool = false) -> StoreFault {
        StoreFault(result: result, operation: operation, path: directory, whileCommitting: whileCommitting)
    }

    // MARK: - Reading

    /// Runs `body` on a snapshot of the last commit. `body` must be quick: a growing map waits for it.
    package func read<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        let handle = try beginRead()
        defer { endRead(handle) }
        return try body(ReadTransaction(StoreTransactionHandle(pointer: handle, path: directory)))
    }

    private static let writing = 1 << 32

    private var depth: Int {
        get { ThreadDepths.current[Int(bitPattern: writerState)] }
        set { ThreadDepths.current[Int(bitPattern: writerState)] = newValue }
    }

    private func beginRead() throws(StoreFault) -> OpaquePointer {
        let outer = depth
        // A map that another process grows again and again is adopted again and again, but not for ever.
        for _ in 0..<16 {
            var handle: OpaquePointer?
            var result: Int32
            switch gate.enter(nested: outer != 0) {
            case .closed: throw StoreFault(code: .closed, operation: "reading", path: directory)
            case .renew(let idle):
                handle = idle
                result = mdb_txn_renew(idle)
            case .begin:
                result = mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &handle)
                if result == MDB_READERS_FULL {
                    _ = freeStaleReaders()
                    result = mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &handle)
                }
            }
            if result == MDB_SUCCESS, let handle {
                depth = outer + 1
                return handle
            }
            if let handle { mdb_txn_abort(handle) }
            gate.leave(keeping: nil)
            guard result == MDB_MAP_RESIZED, outer == 0 else { throw fault(result, "reading") }
            try lockWriter("adopting the new size of the map")
            defer { unlockWriter() }
            try setMapSize(0)
        }
        throw fault(MDB_MAP_RESIZED, "reading")
    }

    private func endRead(_ handle: OpaquePointer) {
        mdb_txn_reset(handle)
        depth -= 1
        gate.leave(keeping: handle)
    }

    // MARK: - Writing

    /// Runs `body` in the only write transaction and commits; aborts when `body` throws.
    ///
    /// When the map is full the transaction is aborted, the map grown and `body` run again, so it must not have
    /// other effects than on the transaction.
    package func write<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        guard !options.readOnly else { throw StoreFault(code: .misuse, operation: "writing", path: directory) }
        try lockWriter("writing")
        defer { unlockWriter() }
        depth += Self.writing
        defer { depth -= Self.writing }
        if options.durability == .unsyncedMapped { try refuseOnNearlyFullDisk() }
        try growMapIfNearlyFull()
        while true {
            writerState.pointee.scratch = WriteScratch()
            let outcome = try attempt(body)
            switch outcome {
            case .success(let value):
                if options.durability == .synced { extendFile() }
                return value
            case .failure(let error):
                guard writerState.pointee.scratch.mapIsFull, try growMap() else { throw error }
            }
        }
    }

    private func attempt<R>(_ body: (borrowing WriteTransaction) throws -> R) throws(StoreFault) -> Result<R, any Error>
    {
        let handle = try beginWrite()
        let scratch = withUnsafeMutablePointer(to: &writerState.pointee.scratch) { $0 }
        let value: R
        do {
            value = try body(
                WriteTransaction(handle: StoreTransactionHandle(pointer: handle, path: directory), scratch: scratch))
        } catch {
            mdb_txn_abort(handle)
            return .failure(error)
        }
        if scratch.pointee.mapIsFull {
            mdb_txn_abort(handle)
            return .failure(fault(MDB_MAP_FULL, "writing"))
        }
        var result = mdb_txn_commit(handle)
        if result == MDB_SUCCESS { return .success(value) }
        // LMDB reports a write that was cut short by a full disk as EIO too.
        if result == EIO, let full = reasonNotToExtend() { result = full }
        if result == MDB_MAP_FULL { scratch.pointee.mapIsFull = true }
        let fault = fault(result, "committing", whileCommitting: true)
        // "After EIO on sync the process stops; it never retries an fsync": no later write may seem to succeed.
        if fault.isFatal { writerState.pointee.fatalFault = fault }
        return .failure(fault)
    }

    /// The `errno` of making the file a page longer when that is refused for want of room.
    private func reasonNotToExtend() -> Int32? {
        var descriptor: Int32 = -1
        mdb_env_get_fd(environment, &descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        // Behind the end of the file is no page that a commit refers to.
        let end = (Int(status.st_size) + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes
        let page = [UInt8](repeating: 0, count: Self.pageBytes)
        guard pwrite(descriptor, page, page.count, end) < 0 else { return nil }
        return [ENOSPC, EDQUOT, EFBIG].contains(errno) ? errno : nil
    }

    func beginWrite() throws(StoreFault) -> OpaquePointer {
        for _ in 0..<2 {
            var handle: OpaquePointer?
            let result = mdb_txn_begin(environment, nil, 0, &handle)
            if result == MDB_SUCCESS, let handle { return handle }
            guard result == MDB_MAP_RESIZED else { throw fault(result, "beginning a write") }
            try setMapSize(0)
        }
        throw fault(MDB_MAP_RESIZED, "beginning a write")
    }

    /// Takes the writer mutex of this process. A thread that holds a transaction of this environment may not.
    func lockWriter(_ operation: String) throws(StoreFault) {
        guard depth == 0 else { throw StoreFault(code: .misuse, operation: operation, path: directory) }
        pthread_mutex_lock(writerMutex)
        if writerState.pointee.isClosed {
            pthread_mutex_unlock(writerMutex)
            throw StoreFault(code: .closed, operation: operation, path: directory)
        }
        if let fatal = writerState.pointee.fatalFault {
            pthread_mutex_unlock(writerMutex)
            throw fatal
        }
    }

    func unlockWriter() {
        pthread_mutex_unlock(writerMutex)
    }

    // MARK: - The map

    /// Less room than this and a mapped write is refused; more than one transaction can fill.
    private static let diskReserveBytes = 64 << 20

    private func refuseOnNearlyFullDisk() throws(StoreFault) {
        let status = UnsafeMutablePointer<statvfs>.allocate(capacity: 1)
        defer { status.deallocate() }
        guard statvfs(directory, status) == 0 else { return }
        let free = UInt64(status.pointee.f_bavail).multipliedReportingOverflow(by: UInt64(status.pointee.f_frsize))
        guard free.overflow || free.partialValue >= UInt64(Self.diskReserveBytes) else {
            throw StoreFault(code: .diskFull, operation: "writing", path: directory)
        }
    }

    private func growMapIfNearlyFull() throws(StoreFault) {
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        let mapBytes = writerState.pointee.mapBytes
        guard (information.me_last_pgno + 1) * Self.pageBytes > mapBytes / 5 * 4 else { return }
        _ = try growMap()
    }

    static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

    /// Doubles the map; false when it has its largest size already.
    func growMap() throws(StoreFault) -> Bool {
        let mapBytes = writerState.pointee.mapBytes
        guard mapBytes < options.maxMapSize else { return false }
        let doubled = mapBytes.multipliedReportingOverflow(by: 2)
        try setMapSize(doubled.overflow ? options.maxMapSize : min(doubled.partialValue, options.maxMapSize))
        return true
    }

    /// Remaps while no transaction of this process is active, which LMDB demands. Zero adopts the file's own size.
    private func setMapSize(_ size: Int) throws(StoreFault) {
        let result = gate.quiesced { _ in mdb_env_set_mapsize(environment, size) }
        guard result == MDB_SUCCESS else { throw fault(result, "resizing the map") }
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        writerState.pointee.mapBytes = information.me_mapsize
    }

    /// Closes and opens the environment beneath everyone: it drops what LMDB keeps of old pages in memory.
    func reopen() throws(StoreFault) {
        try lockWriter("reopening")
        defer { unlockWriter() }
        let open = tables.withLock { $0.values.sorted { $0.index < $1.index } }
        let fault = gate.quiesced(droppingIdle: true) { idle -> StoreFault? in
            for handle in idle { mdb_txn_abort(handle) }
            mdb_env_close(environment)
            do throws(StoreFault) {
                environment = try Self.open(directory: directory, options: options)
                try reopenTables(open)
                return nil
            } catch {
                return error
            }
        }
        if let fault {
            writerState.pointee.fatalFault = StoreFault(
                code: fault.code, operation: "reopening", path: directory, isFatal: true)
            throw fault
        }
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        writerState.pointee.mapBytes = information.me_mapsize
    }

    /// Opens the tables in the order of their indices, which LMDB gives in order. A store whose tables have been
    /// dropped has holes in them and is refused: only the log is ever scrubbed, and it drops none.
    private func reopenTables(_ open: [StoreTable]) throws(StoreFault) {
        for table in open {
            var handle: OpaquePointer?
            let begun = mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &handle)
            guard begun == MDB_SUCCESS, let handle else { throw fault(begun, "reopening tables") }
            var index: MDB_dbi = 0
            let opened = mdb_dbi_open(handle, table.name, 0, &index)
            guard opened == MDB_SUCCESS, index == table.index else {
                mdb_txn_abort(handle)
                throw fault(opened == MDB_SUCCESS ? MDB_BAD_DBI : opened, "reopening table \(table.name)")
            }
            mdb_txn_commit(handle)
        }
    }

    /// Waits for running transactions, then closes. Later calls throw `.closed`.
    package func close() {
        pthread_mutex_lock(writerMutex)
        defer { pthread_mutex_unlock(writerMutex) }
        guard !writerState.pointee.isClosed else { return }
        writerState.pointee.isClosed = true
        gate.quiesced(closing: true) { idle in
            for handle in idle { mdb_txn_abort(handle) }
            trimFile()
            mdb_env_close(environment)
        }
        writerLock?.release()
        registration.release()
    }
}
