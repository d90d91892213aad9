import KeyValueStore

/// The small tables of a log in one run of bytes, for a backup.
enum LogTables {
    private static let mark: UInt32 = 0x454c_5401

    static func export(_ storage: LogStorage) throws -> [UInt8] {
        var writer = ByteWriter()
        writer.write(mark)
        try storage.environment.read { transaction in
            for table in [storage.meta, storage.dictionaries, storage.cursors] {
                writer.writeFramed(table.name)
                writer.writeVarint(UInt64(try transaction.count(table)))
                try transaction.forEach(table) { key, value in
                    writer.writeFramed(key)
                    writer.writeFramed(value)
                    return true
                }
            }
        }
        return writer.bytes
    }

    static func restore(
        _ bytes: [UInt8], into transaction: borrowing WriteTransaction, _ tables: [String: StoreTable]
    ) throws {
        try bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            guard try reader.readUInt32() == mark else { throw LogFault.damaged(.none, "these are no tables of a log") }
            while reader.remaining > 0 {
                let name = try reader.readFramedString()
                guard let table = tables[name] else { throw LogFault.madeByNewer("it has a table \(name)") }
                for _ in 0..<(try reader.readVarint()) {
                    let key = try reader.readFramedSlice()
                    try transaction.put(table, key, try reader.readFramedSlice())
                }
            }
        }
    }
}
