import CLMDB

/// What a write transaction leaves behind for the environment that runs it.
struct WriteScratch {
    /// The transaction ran out of map, whatever the body made of it.
    var mapIsFull = false
}

/// Reads and changes the store. It lives only inside the closure of `StoreEnvironment.write`.
package struct WriteTransaction: ~Copyable, StoreReader {
    package let handle: StoreTransactionHandle
    private let scratch: UnsafeMutablePointer<WriteScratch>

    init(handle: StoreTransactionHandle, scratch: UnsafeMutablePointer<WriteScratch>) {
        self.handle = handle
        self.scratch = scratch
    }

    private func check(_ result: Int32, _ operation: StaticString, _ table: StoreTable) throws(StoreFault) {
        if result == MDB_SUCCESS { return }
        if result == MDB_MAP_FULL { scratch.pointee.mapIsFull = true }
        throw fault(result, "\(operation) table \(table.name)")
    }

    /// Stores a value. With `append` the key must follow every key of the table, which is faster.
    package func put(
        _ table: StoreTable, _ key: some StoreBytes, _ value: some StoreBytes, append: Bool = false
    ) throws(StoreFault) {
        let flags = append ? UInt32(MDB_APPEND) : 0
        let result = key.withStoreBytes { keyBytes in
            value.withStoreBytes { valueBytes in put(table, keyBytes, valueBytes, flags) }
        }
        try check(result, "writing to", table)
    }

    /// Stores a value; when the key follows every key of the table, the pages before it stay full.
    ///
    /// Keys that mostly ascend then take half the room: LMDB splits a full page in the middle unless it is told.
    package func putPacked(
        _ table: StoreTable, _ key: some StoreBytes, _ value: some StoreBytes
    ) throws(StoreFault) {
        let result = key.withStoreBytes { keyBytes in
            value.withStoreBytes { valueBytes in
                let appended = put(table, keyBytes, valueBytes, UInt32(MDB_APPEND))
                return appended == MDB_KEYEXIST ? put(table, keyBytes, valueBytes, 0) : appended
            }
        }
        try check(result, "writing to", table)
    }

    /// Stores a value unless the key has one; answers whether it did.
    package func putIfAbsent(
        _ table: StoreTable, _ key: some StoreBytes, _ value: some StoreBytes
    ) throws(StoreFault) -> Bool {
        let result = key.withStoreBytes { keyBytes in
            value.withStoreBytes { valueBytes in put(table, keyBytes, valueBytes, UInt32(MDB_NOOVERWRITE)) }
        }
        if result == MDB_KEYEXIST { return false }
        try check(result, "writing to", table)
        return true
    }

    private func put(
        _ table: StoreTable, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ flags: UInt32
    ) -> Int32 {
        guard key.count > 0, key.count <= largestKey else { return MDB_BAD_VALSIZE }
        var keyValue = MDB_val(borrowing: key)
        var valueValue = MDB_val(borrowing: value)
        return mdb_put(handle.pointer, table.index, &keyValue, &valueValue, flags)
    }

    /// Makes room for a value of `size` bytes and lets `fill` write it in place. The room is not zeroed.
    package func reserve(
        _ table: StoreTable, _ key: some StoreBytes, size: Int, append: Bool = false,
        _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws {
        var value = MDB_val(mv_size: size, mv_data: nil)
        let flags = UInt32(MDB_RESERVE) | (append ? UInt32(MDB_APPEND) : 0)
        let result = key.withStoreBytes { keyBytes -> Int32 in
            guard keyBytes.count > 0, keyBytes.count <= largestKey else { return MDB_BAD_VALSIZE }
            var keyValue = MDB_val(borrowing: keyBytes)
            return mdb_put(handle.pointer, table.index, &keyValue, &value, flags)
        }
        try check(result, "writing to", table)
        try fill(UnsafeMutableRawBufferPointer(start: value.mv_data, count: size))
    }

    /// Appends a value that is two byte runs, one after the other. The key must follow every key of the table.
    package func appendJoined(
        _ table: StoreTable, _ key: UnsafeRawBufferPointer, _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer
    ) throws(StoreFault) {
        let size = first.count + second.count
        guard key.count > 0, key.count <= largestKey else { return try check(MDB_BAD_VALSIZE, "writing to", table) }
        var keyValue = MDB_val(borrowing: key)
        var value = MDB_val(mv_size: size, mv_data: nil)
        let flags = UInt32(MDB_RESERVE | MDB_APPEND)
        try check(mdb_put(handle.pointer, table.index, &keyValue, &value, flags), "writing to", table)
        let room = UnsafeMutableRawBufferPointer(start: value.mv_data, count: size)
        room.copyMemory(from: first)
        UnsafeMutableRawBufferPointer(rebasing: room[first.count...]).copyMemory(from: second)
    }

    /// Removes a key; answers whether it was there.
    @discardableResult
    package func delete(_ table: StoreTable, _ key: some StoreBytes) throws(StoreFault) -> Bool {
        let result = key.withStoreBytes { keyBytes -> Int32 in
            guard keyBytes.count > 0, keyBytes.count <= largestKey else { return MDB_NOTFOUND }
            var keyValue = MDB_val(borrowing: keyBytes)
            return mdb_del(handle.pointer, table.index, &keyValue, nil)
        }
        if result == MDB_NOTFOUND { return false }
        try check(result, "deleting from", table)
        return true
    }

    /// Removes one value of a key in a table of sorted duplicates; answers whether it was there.
    @discardableResult
    package func delete(
        _ table: StoreTable, _ key: some StoreBytes, value: some StoreBytes
    ) throws(StoreFault) -> Bool {
        let result = key.withStoreBytes { keyBytes -> Int32 in
            value.withStoreBytes { valueBytes -> Int32 in
                guard keyBytes.count > 0, keyBytes.count <= largestKey else { return MDB_NOTFOUND }
                var keyValue = MDB_val(borrowing: keyBytes)
                var valueValue = MDB_val(borrowing: valueBytes)
                return mdb_del(handle.pointer, table.index, &keyValue, &valueValue)
            }
        }
        if result == MDB_NOTFOUND { return false }
        try check(result, "deleting from", table)
        return true
    }

    /// Removes every key that begins with `prefix`; answers how many there were.
    @discardableResult
    package func deletePrefix(_ table: StoreTable, _ prefix: some StoreBytes) throws(StoreFault) -> Int {
        let cursor = try StoreCursor(table, in: handle)
        return try prefix.withStoreBytes { (prefix: UnsafeRawBufferPointer) throws(StoreFault) -> Int in
            var removed = 0
            var entry = try cursor.seek(prefix)
            while let current = entry, hasPrefix(current.key, prefix) {
                do throws(StoreFault) {
                    try cursor.deleteCurrent()
                } catch {
                    if error.code == .mapFull { scratch.pointee.mapIsFull = true }
                    throw error
                }
                removed += 1
                // After a delete the cursor already stands on the next entry; seek again, which is safe at page ends.
                entry = try cursor.seek(prefix)
            }
            return removed
        }
    }

    /// Empties a table.
    package func clear(_ table: StoreTable) throws(StoreFault) {
        try check(mdb_drop(handle.pointer, table.index, 0), "clearing", table)
    }
}
