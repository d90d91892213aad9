import CLMDB
import Synchronization

extension StoreEnvironment {
    /// Opens a table, creating it when it does not exist. Not inside a `read` or `write` unless it is open already.
    package func table(_ name: String, flags: TableFlags = []) throws(StoreFault) -> StoreTable {
        if let existing = try existingTable(name) { return existing }
        guard !options.readOnly else {
            throw StoreFault(code: .notFound, operation: "opening table \(name)", path: directory)
        }
        try lockWriter("opening table \(name)")
        defer { unlockWriter() }
        while true {
            let handle = try beginWrite()
            var index: MDB_dbi = 0
            var result = mdb_dbi_open(handle, name, flags.rawValue | UInt32(MDB_CREATE), &index)
            if result == MDB_SUCCESS {
                result = mdb_txn_commit(handle)
            } else {
                mdb_txn_abort(handle)
            }
            if result == MDB_MAP_FULL, try growMap() { continue }
            guard result == MDB_SUCCESS else {
                throw fault(result, "creating table \(name)", whileCommitting: true)
            }
            return remember(name, index)
        }
    }

    /// Opens a table that exists; nil when it does not.
    package func existingTable(_ name: String) throws(StoreFault) -> StoreTable? {
        if let open = tables.withLock({ $0[name] }) { return open }
        // LMDB: a transaction that opens a table must finish before any other transaction may open one.
        try lockWriter("opening table \(name)")
        defer { unlockWriter() }
        if let open = tables.withLock({ $0[name] }) { return open }
        var handle: OpaquePointer?
        let begun = mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &handle)
        guard begun == MDB_SUCCESS, let handle else { throw fault(begun, "opening table \(name)") }
        var index: MDB_dbi = 0
        let result = mdb_dbi_open(handle, name, 0, &index)
        guard result == MDB_SUCCESS else {
            mdb_txn_abort(handle)
            if result == MDB_NOTFOUND { return nil }
            throw fault(result, "opening table \(name)")
        }
        // The handle stays open only when the transaction commits.
        let committed = mdb_txn_commit(handle)
        guard committed == MDB_SUCCESS else { throw fault(committed, "opening table \(name)") }
        return remember(name, index)
    }

    private func remember(_ name: String, _ index: MDB_dbi) -> StoreTable {
        let table = StoreTable(index: index, name: name)
        tables.withLock { $0[name] = table }
        return table
    }

    /// Removes a table and all that is in it; answers whether it existed. No one may use its `StoreTable` any more.
    @discardableResult
    package func dropTable(_ name: String) throws(StoreFault) -> Bool {
        guard let table = try existingTable(name) else { return false }
        try lockWriter("dropping table \(name)")
        defer { unlockWriter() }
        let result: Int32 = try dropWhileQuiet(table)
        guard result == MDB_SUCCESS else { throw fault(result, "dropping table \(name)", whileCommitting: true) }
        return true
    }

    private func dropWhileQuiet(_ table: StoreTable) throws(StoreFault) -> Int32 {
        let handle = try beginWrite()
        // Dropping closes the table's handle, so no reader may be in it.
        return gate.quiesced { _ in
            let dropped = mdb_drop(handle, table.index, 1)
            tables.withLock { $0[table.name] = nil }
            guard dropped == MDB_SUCCESS else {
                mdb_txn_abort(handle)
                return dropped
            }
            return mdb_txn_commit(handle)
        }
    }

    /// The names of all tables, sorted by their bytes.
    package func listTables() throws -> [String] {
        // LMDB keeps the named tables as entries of the unnamed one, whose handle is always 1.
        let main = StoreTable(index: 1, name: "")
        return try read { transaction in
            var names: [String] = []
            try transaction.forEach(main) { key, _ in
                names.append(try ByteReader.string(key))
                return true
            }
            return names
        }
    }
}
