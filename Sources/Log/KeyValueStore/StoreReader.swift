import CLMDB

/// The reading half that read and write transactions share, so that a query function can take either.
///
/// Bytes handed out point into the memory map: they are valid until the transaction ends, and in a write
/// transaction only until its next change.
package protocol StoreReader: ~Copyable {
    var handle: StoreTransactionHandle { get }
}

/// LMDB's limit on keys.
let largestKey = 511

extension MDB_val {
    init(borrowing bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: mv_data, count: mv_size)
    }
}

extension StoreReader where Self: ~Copyable {
    func fault(_ result: Int32, _ operation: String) -> StoreFault {
        StoreFault(result: result, operation: operation, path: handle.path)
    }

    /// The value of a key. Valid until the transaction ends, or until its next write.
    package func get(_ table: StoreTable, _ key: some StoreBytes) throws(StoreFault) -> UnsafeRawBufferPointer? {
        try key.withStoreBytes { (bytes: UnsafeRawBufferPointer) throws(StoreFault) -> UnsafeRawBufferPointer? in
            // A key that cannot be stored cannot be found either.
            guard bytes.count > 0, bytes.count <= largestKey else { return nil }
            var keyValue = MDB_val(borrowing: bytes)
            var value = MDB_val()
            let result = mdb_get(handle.pointer, table.index, &keyValue, &value)
            if result == MDB_NOTFOUND { return nil }
            guard result == MDB_SUCCESS else { throw fault(result, "reading table \(table.name)") }
            return value.bytes
        }
    }

    /// Lends the value of a key to `body`; nil when there is none.
    package func get<R>(
        _ table: StoreTable, _ key: some StoreBytes, _ body: (UnsafeRawBufferPointer) throws -> R
    ) throws -> R? {
        guard let value = try get(table, key) else { return nil }
        return try body(value)
    }

    /// A copy of the value of a key.
    package func getBytes(_ table: StoreTable, _ key: some StoreBytes) throws(StoreFault) -> [UInt8]? {
        guard let value = try get(table, key) else { return nil }
        return Array(value)
    }

    package func contains(_ table: StoreTable, _ key: some StoreBytes) throws(StoreFault) -> Bool {
        try get(table, key) != nil
    }

    /// How many entries a table has; it costs nothing.
    package func count(_ table: StoreTable) throws(StoreFault) -> Int {
        var statistics = MDB_stat()
        let result = mdb_stat(handle.pointer, table.index, &statistics)
        guard result == MDB_SUCCESS else { throw fault(result, "counting table \(table.name)") }
        return statistics.ms_entries
    }

    /// What a table takes up in the file: its pages, however full they are.
    package func usage(_ table: StoreTable) throws(StoreFault) -> TableUsage {
        var statistics = MDB_stat()
        let result = mdb_stat(handle.pointer, table.index, &statistics)
        guard result == MDB_SUCCESS else { throw fault(result, "measuring table \(table.name)") }
        return TableUsage(
            entries: statistics.ms_entries,
            pages: statistics.ms_branch_pages + statistics.ms_leaf_pages + statistics.ms_overflow_pages,
            pageBytes: Int(statistics.ms_psize)
        )
    }

    /// The number of the snapshot that is read.
    package var snapshotNumber: UInt64 { UInt64(mdb_txn_id(handle.pointer)) }
}
