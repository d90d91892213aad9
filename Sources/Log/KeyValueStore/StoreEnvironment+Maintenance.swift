import CLMDB
import Glibc

extension StoreEnvironment {
    /// Writes everything to disk; for environments that do not sync their commits.
    package func sync(force: Bool = true) throws(StoreFault) {
        try lockWriter("syncing")
        defer { unlockWriter() }
        let result = mdb_env_sync(environment, force ? 1 : 0)
        guard result == MDB_SUCCESS else {
            let fault = fault(result, "syncing", whileCommitting: true)
            if fault.isFatal { writerState.pointee.fatalFault = fault }
            throw fault
        }
    }

    /// How full the environment is. It reads the list of free pages.
    package var usage: StoreUsage {
        get throws {
            try read { transaction in
                var information = MDB_envinfo()
                var statistics = MDB_stat()
                mdb_env_info(environment, &information)
                mdb_env_stat(environment, &statistics)
                var descriptor: Int32 = -1
                mdb_env_get_fd(environment, &descriptor)
                var status = stat()
                fstat(descriptor, &status)
                return StoreUsage(
                    mapBytes: information.me_mapsize,
                    pageBytes: Int(statistics.ms_psize),
                    usedPages: information.me_last_pgno + 1,
                    freePages: try Self.countFreePages(transaction),
                    readers: Int(information.me_numreaders),
                    lastTransaction: UInt64(information.me_last_txnid),
                    // A mapped file is sparse: what it takes up counts.
                    fileBytes: Int(status.st_blocks) * 512
                )
            }
        }
    }

    /// LMDB's own table 0 holds, for each write, a counted list of the pages it freed.
    private static func countFreePages(_ transaction: borrowing ReadTransaction) throws -> Int {
        var pages = 0
        try transaction.forEach(StoreTable(index: 0, name: "free pages")) { _, value in
            if value.count >= MemoryLayout<Int>.size { pages += value.loadUnaligned(as: Int.self) }
            return true
        }
        return pages
    }

    /// Frees reader slots of processes that have died; answers how many.
    @discardableResult
    package func checkStaleReaders() -> Int {
        // A closed environment has no readers.
        (try? holdingEnvironment("checking readers") { freeStaleReaders() }) ?? 0
    }

    /// The same for a thread that already counts as a reader.
    func freeStaleReaders() -> Int {
        var dead: Int32 = 0
        mdb_reader_check(environment, &dead)
        return Int(dead)
    }

    /// Copies a consistent snapshot to an existing, empty directory while reads and writes go on.
    package func copy(to target: String, compact: Bool = false) throws(StoreFault) {
        let result = try holdingEnvironment("copying") {
            mdb_env_copy2(environment, target, compact ? UInt32(MDB_CP_COMPACT) : 0)
        }
        guard result == MDB_SUCCESS else { throw fault(result, "copying to \(target)") }
    }

    /// Counts as a reader meanwhile, so that neither the map nor the environment moves.
    private func holdingEnvironment<R>(_ operation: String, _ body: () -> R) throws(StoreFault) -> R {
        var kept: OpaquePointer?
        switch gate.enter(nested: false) {
        case .closed: throw StoreFault(code: .closed, operation: operation, path: directory)
        case .renew(let idle): kept = idle
        case .begin: break
        }
        defer { gate.leave(keeping: kept) }
        return body()
    }
}
