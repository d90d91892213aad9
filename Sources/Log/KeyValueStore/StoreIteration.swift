import CLMDB

extension StoreReader where Self: ~Copyable {
    /// Visits entries in key order until `body` answers false.
    ///
    /// - Parameters:
    ///   - from: the least key to visit.
    ///   - to: the key to stop before.
    ///   - prefix: only keys that begin with it.
    ///   - reversed: from the greatest key down.
    ///   - limit: at most so many entries.
    ///   - body: gets key and value, answers whether to go on. It must not write to the same transaction.
    package func forEach<From: StoreBytes, To: StoreBytes, Prefix: StoreBytes>(
        _ table: StoreTable,
        from: From? = Optional<StoreKey>.none,
        to: To? = Optional<StoreKey>.none,
        prefix: Prefix? = Optional<StoreKey>.none,
        reversed: Bool = false,
        limit: Int = .max,
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        guard limit > 0 else { return }
        try withOptionalBytes(from) { from in
            try withOptionalBytes(to) { to in
                try withOptionalBytes(prefix) { prefix in
                    if reversed {
                        try backward(table, from: from, to: to, prefix: prefix, limit: limit, body)
                    } else {
                        try forward(table, from: from, to: to, prefix: prefix, limit: limit, body)
                    }
                }
            }
        }
    }

    /// Visits the entries whose keys begin with `prefix`, in order, until `body` answers false.
    ///
    /// The form that nearly all callers want; not generic, so that it costs little for the one or two entries that there
    /// mostly are.
    package func forEach(
        _ table: StoreTable, prefix: StoreKey,
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try prefix.withUnsafeBytes { prefix in
            try forward(table, from: nil, to: nil, prefix: prefix, limit: .max, body)
        }
    }

    private func forward(
        _ table: StoreTable,
        from: UnsafeRawBufferPointer?, to: UnsafeRawBufferPointer?, prefix: UnsafeRawBufferPointer?, limit: Int,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        let cursor = try StoreCursor(table, in: handle)
        var start = prefix
        if let from, start.map({ orderOfBytes(from, $0) > 0 }) ?? true { start = from }
        var entry = try start.map { try cursor.seek($0) } ?? cursor.move(MDB_FIRST)
        var left = limit
        while let current = entry {
            if let to, orderOfBytes(current.key, to) >= 0 { return }
            if let prefix, !hasPrefix(current.key, prefix) { return }
            guard try body(current.key, current.value) else { return }
            left -= 1
            if left == 0 { return }
            entry = try cursor.move(MDB_NEXT)
        }
    }

    private func backward(
        _ table: StoreTable,
        from: UnsafeRawBufferPointer?, to: UnsafeRawBufferPointer?, prefix: UnsafeRawBufferPointer?, limit: Int,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        let cursor = try StoreCursor(table, in: handle)
        var entry: StoreEntry?
        if let prefix, let end = successor(ofPrefix: prefix) {
            entry = try end.withUnsafeBytes { end in
                try cursor.seekBefore(to.map { orderOfBytes($0, end) < 0 ? $0 : end } ?? end)
            }
        } else {
            entry = try cursor.seekBefore(to)
        }
        var left = limit
        while let current = entry {
            if let from, orderOfBytes(current.key, from) < 0 { return }
            if let prefix, !hasPrefix(current.key, prefix) { return }
            guard try body(current.key, current.value) else { return }
            left -= 1
            if left == 0 { return }
            entry = try cursor.move(MDB_PREV)
        }
    }

    /// The entry with the greatest key, among those with the prefix when one is given.
    package func last<Prefix: StoreBytes>(
        _ table: StoreTable, prefix: Prefix? = Optional<StoreKey>.none
    ) throws -> StoreEntry? {
        var found: StoreEntry?
        try forEach(table, prefix: prefix, reversed: true, limit: 1) { key, value in
            found = (key, value)
            return false
        }
        return found
    }

    /// The first entry whose key is `key` or follows it.
    package func firstAtOrAfter(_ table: StoreTable, _ key: some StoreBytes) throws -> StoreEntry? {
        let cursor = try StoreCursor(table, in: handle)
        return try key.withStoreBytes { try cursor.seek($0) }
    }

    /// The last entry whose key is `key` or precedes it.
    package func lastAtOrBefore(_ table: StoreTable, _ key: some StoreBytes) throws -> StoreEntry? {
        let cursor = try StoreCursor(table, in: handle)
        return try key.withStoreBytes { bytes in
            if let entry = try cursor.seek(bytes) {
                if orderOfBytes(entry.key, bytes) == 0 { return entry }
                return try cursor.move(MDB_PREV)
            }
            return try cursor.move(MDB_LAST)
        }
    }
}

private func withOptionalBytes<R>(
    _ bytes: (some StoreBytes)?, _ body: (UnsafeRawBufferPointer?) throws -> R
) throws -> R {
    guard let bytes else { return try body(nil) }
    return try bytes.withStoreBytes { try body($0) }
}
