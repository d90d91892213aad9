import CanonicalJSON
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

/// One-time and fallback keys. A key that was once given away, or burned, never comes back.
struct OneTimeKeyTables {
    let tables: ViewTables

    private func stock(
        _ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction
    ) throws -> KeyStockRow {
        try transaction.get(tables.keysStocks, ViewKeys.stock(user, deviceID)) { try KeyStockRow(reading: $0) }
            ?? KeyStockRow(streamVersion: 0)
    }

    private func put(
        _ row: KeyStockRow, _ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction
    ) throws {
        try transaction.put(tables.keysStocks, ViewKeys.stock(user, deviceID), row.encoded())
    }

    func noteVersion(
        _ version: UInt64, _ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction
    ) throws {
        var row = try stock(user, deviceID, transaction)
        row.streamVersion = version
        try put(row, user, deviceID, transaction)
    }

    // MARK: - Upload

    func add(
        _ fact: DeviceKeysUploaded, of user: UserNum, _ record: DecodedRecord,
        _ transaction: borrowing WriteTransaction
    ) throws {
        var row = try stock(user, fact.deviceID, transaction)
        row.streamVersion = record.streamVersion
        var index: UInt32 = 0
        for (name, value) in fact.oneTimeKeys {
            defer { index &+= 1 }
            guard let algorithm = OneTimeKeyName.algorithm(of: name) else { continue }
            let spent = ViewKeys.spentKey(
                user, fact.deviceID, algorithm: algorithm, publicKey: OneTimeKeyName.publicPart(of: value))
            let byName = ViewKeys.oneTimeKeyByName(user, fact.deviceID, name: name)
            if try transaction.contains(tables.keysSpent, spent) { continue }
            let place = OneTimeKeyPlace(position: record.position, index: index)
            guard try transaction.putIfAbsent(tables.keysOneTimeByID, byName, place.encoded()) else { continue }
            try transaction.put(
                tables.keysOneTime, ViewKeys.oneTimeKey(user, fact.deviceID, algorithm: algorithm, place),
                OneTimeKeyRow.encoded(name: name, json: value.canonicalBytes()))
            row.change(algorithm, by: 1)
        }
        for (name, value) in fact.fallbackKeys {
            guard let algorithm = OneTimeKeyName.algorithm(of: name) else { continue }
            row.fallbacks.removeAll { $0.algorithm.utf8.elementsEqual(algorithm.utf8) }
            row.fallbacks.append(
                .init(algorithm: algorithm, name: name, json: value.canonicalBytes(), isUsed: false))
        }
        try put(row, user, fact.deviceID, transaction)
    }

    // MARK: - Giving away

    func claim(
        _ fact: OneTimeKeyClaimed, of user: UserNum, streamVersion: UInt64,
        _ transaction: borrowing WriteTransaction
    ) throws {
        var row = try stock(user, fact.deviceID, transaction)
        row.streamVersion = streamVersion
        if let algorithm = OneTimeKeyName.algorithm(of: fact.keyName),
            try take(fact.keyName, algorithm, user, fact.deviceID, transaction)
        {
            row.change(algorithm, by: -1)
        }
        try put(row, user, fact.deviceID, transaction)
    }

    private func take(
        _ name: String, _ algorithm: String, _ user: UserNum, _ deviceID: String,
        _ transaction: borrowing WriteTransaction
    ) throws -> Bool {
        let byName = ViewKeys.oneTimeKeyByName(user, deviceID, name: name)
        let place = try transaction.get(tables.keysOneTimeByID, byName) { try OneTimeKeyPlace(reading: $0) }
        guard let place else { return false }
        let key = ViewKeys.oneTimeKey(user, deviceID, algorithm: algorithm, place)
        let publicPart = try transaction.get(tables.keysOneTime, key) { bytes in
            OneTimeKeyName.publicPart(of: try JSONValue.parse(try OneTimeKeyRow(reading: bytes).json))
        }
        guard let publicPart else { return false }
        try transaction.delete(tables.keysOneTime, key)
        try transaction.delete(tables.keysOneTimeByID, byName)
        let spent = ViewKeys.spentKey(user, deviceID, algorithm: algorithm, publicKey: publicPart)
        try transaction.put(tables.keysSpent, spent, StoreKey())
        return true
    }

    func use(
        _ fact: FallbackKeyUsed, of user: UserNum, streamVersion: UInt64,
        _ transaction: borrowing WriteTransaction
    ) throws {
        var row = try stock(user, fact.deviceID, transaction)
        row.streamVersion = streamVersion
        for index in row.fallbacks.indices where row.fallbacks[index].name.utf8.elementsEqual(fact.keyName.utf8) {
            row.fallbacks[index].isUsed = true
        }
        try put(row, user, fact.deviceID, transaction)
    }

    // MARK: - Ending

    /// Takes away all keys of a device that could be claimed.
    func clear(_ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction) throws {
        let prefix = ViewKeys.stock(user, deviceID)
        try transaction.deletePrefix(tables.keysOneTime, prefix)
        try transaction.deletePrefix(tables.keysOneTimeByID, prefix)
        try emptyStocks(ofPrefix: prefix, transaction) { row in
            row.counts = []
            row.fallbacks = []
        }
    }

    func forgetSpent(_ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction) throws {
        try transaction.deletePrefix(tables.keysSpent, ViewKeys.stock(user, deviceID))
    }

    /// Changes rows of stocks that hold something; their stream versions stay.
    func emptyStocks(
        ofPrefix prefix: StoreKey?, _ transaction: borrowing WriteTransaction, _ change: (inout KeyStockRow) -> Void
    ) throws {
        var changed: [(key: [UInt8], row: KeyStockRow)] = []
        try transaction.forEach(tables.keysStocks, prefix: prefix) { key, value in
            var row = try KeyStockRow(reading: value)
            let before = row
            change(&row)
            if row != before { changed.append((Array(key), row)) }
            return true
        }
        for (key, row) in changed { try transaction.put(tables.keysStocks, key, row.encoded()) }
    }

    /// After a restore into the past nobody knows which one-time keys were given away in what is lost: none is given
    /// away again. Fallback keys stay, since they may be used more than once, and count as used, so that devices replace
    /// them.
    func burnAll(_ transaction: borrowing WriteTransaction) throws {
        while true {
            var spent: [(key: [UInt8], spent: StoreKey)] = []
            try transaction.forEach(tables.keysOneTime, limit: 10_000) { key, value in
                let row = try OneTimeKeyRow(reading: value)
                let algorithm = OneTimeKeyName.algorithm(of: row.name) ?? ""
                let publicPart = OneTimeKeyName.publicPart(of: try JSONValue.parse(row.json))
                let hash = FixedHash.pair(algorithm, publicPart)
                let device = Array(key.prefix(12))
                spent.append((Array(key), StoreKey().appending(device).appending(hash.0).appending(hash.1)))
                return true
            }
            if spent.isEmpty { break }
            for entry in spent {
                try transaction.delete(tables.keysOneTime, entry.key)
                try transaction.put(tables.keysSpent, entry.spent, StoreKey())
            }
        }
        try transaction.clear(tables.keysOneTimeByID)
        try emptyStocks(ofPrefix: nil, transaction) { row in
            row.counts = []
            for index in row.fallbacks.indices { row.fallbacks[index].isUsed = true }
        }
    }
}
