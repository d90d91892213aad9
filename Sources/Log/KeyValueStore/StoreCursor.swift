import CLMDB

/// A key and its value, both inside the memory map.
package typealias StoreEntry = (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)

/// A cursor of LMDB for the length of one call.
struct StoreCursor: ~Copyable {
    let pointer: OpaquePointer
    let table: StoreTable
    let path: String

    init(_ table: StoreTable, in handle: StoreTransactionHandle) throws(StoreFault) {
        var cursor: OpaquePointer?
        let result = mdb_cursor_open(handle.pointer, table.index, &cursor)
        guard result == MDB_SUCCESS, let cursor else {
            throw StoreFault(result: result, operation: "opening a cursor on \(table.name)", path: handle.path)
        }
        pointer = cursor
        self.table = table
        path = handle.path
    }

    deinit {
        mdb_cursor_close(pointer)
    }

    func move(_ operation: MDB_cursor_op) throws(StoreFault) -> StoreEntry? {
        var key = MDB_val()
        return try move(operation, &key)
    }

    /// The first entry whose key is `bytes` or follows it.
    func seek(_ bytes: UnsafeRawBufferPointer) throws(StoreFault) -> StoreEntry? {
        if bytes.isEmpty { return try move(MDB_FIRST) }
        var key = MDB_val(borrowing: bytes)
        return try move(MDB_SET_RANGE, &key)
    }

    /// The last entry whose key comes before `bytes`, or the last of all when there is no bound.
    func seekBefore(_ bytes: UnsafeRawBufferPointer?) throws(StoreFault) -> StoreEntry? {
        guard let bytes, try seek(bytes) != nil else { return try move(MDB_LAST) }
        return try move(MDB_PREV)
    }

    func deleteCurrent() throws(StoreFault) {
        let result = mdb_cursor_del(pointer, 0)
        guard result == MDB_SUCCESS else {
            throw StoreFault(result: result, operation: "deleting from \(table.name)", path: path)
        }
    }

    private func move(_ operation: MDB_cursor_op, _ key: inout MDB_val) throws(StoreFault) -> StoreEntry? {
        var value = MDB_val()
        let result = mdb_cursor_get(pointer, &key, &value, operation)
        if result == MDB_NOTFOUND { return nil }
        guard result == MDB_SUCCESS else {
            throw StoreFault(result: result, operation: "moving in \(table.name)", path: path)
        }
        return (key.bytes, value.bytes)
    }
}

/// The least bytes that come after everything that begins with `prefix`; nil when there are none.
func successor(ofPrefix prefix: UnsafeRawBufferPointer) -> [UInt8]? {
    var bytes = Array(prefix)
    while let last = bytes.popLast() {
        if last < 0xff {
            bytes.append(last + 1)
            return bytes
        }
    }
    return nil
}
