package import EventLog
package import KeyValueStore

/// How far the tables are and which generation of each is live: small entries of the table `checkpoints`.
package enum ViewCheckpoint {
    private static let headKey = StoreKey().appending("head")

    private static func tableKey(_ table: ViewTable) -> StoreKey { StoreKey().appending("table/" + table.rawValue) }

    /// The generation that serves reads; the first is 1.
    package static func generation<Reader: StoreReader & ~Copyable>(
        of table: ViewTable, _ reader: borrowing Reader, _ checkpoints: StoreTable
    ) throws -> UInt32 {
        guard let value = try reader.get(checkpoints, tableKey(table)) else { return 1 }
        var input = ByteReader(value)
        return try input.readUInt32()
    }

    package static func setGeneration(
        of table: ViewTable, to generation: UInt32, _ transaction: borrowing WriteTransaction, _ checkpoints: StoreTable
    ) throws {
        try transaction.put(checkpoints, tableKey(table), StoreKey().appending(generation))
    }

    /// The last record that the live tables include, 0 before the first.
    package static func head<Reader: StoreReader & ~Copyable>(
        _ reader: borrowing Reader, _ checkpoints: StoreTable
    ) throws -> LogPosition {
        guard let value = try reader.get(checkpoints, headKey) else { return LogPosition(rawValue: 0) }
        var input = ByteReader(value)
        return try input.readPosition()
    }

    /// The chain hash of that record: tells a log that was restored to another past.
    package static func chainHash<Reader: StoreReader & ~Copyable>(
        _ reader: borrowing Reader, _ checkpoints: StoreTable
    ) throws -> [UInt8] {
        guard let value = try reader.get(checkpoints, headKey) else { return [] }
        var input = ByteReader(value)
        _ = try input.readPosition()
        return Array(input.readRest())
    }

    package static func setHead(
        _ position: LogPosition, chainHash: [UInt8], _ transaction: borrowing WriteTransaction,
        _ checkpoints: StoreTable
    ) throws {
        try transaction.put(checkpoints, headKey, StoreKey(position.rawValue).appending(chainHash))
    }
}
