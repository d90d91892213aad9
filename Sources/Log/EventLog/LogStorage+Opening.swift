import KeyValueStore

extension LogStorage {
    /// How many records before the head are checked when the log is opened.
    private static let checkedRecords: UInt64 = 64

    /// The head and its chain hash, after a check of the last records. A damaged end is refused: writing on would
    /// bury the damage under new records.
    func checkedEnd() throws -> (head: UInt64, chain: Hash32) {
        let head = try head().rawValue
        guard head > 0 else { return (0, genesis) }
        let first = head > Self.checkedRecords ? head - Self.checkedRecords + 1 : 1
        var chain = first == 1 ? genesis : try chainHash(at: first - 1)
        for position in first...head {
            do {
                chain = try checkedChain(at: position, after: chain)
            } catch let fault as LogFault {
                guard case .damaged(_, let what) = fault else { throw fault }
                throw LogFault.damaged(
                    LogPosition(rawValue: position),
                    "\(what); the log is whole up to position \(position - 1), and what is lost are positions "
                        + "\(position) to \(head); keep a copy of the directory and restore from a backup")
            }
        }
        return (head, chain)
    }

    private func chainHash(at position: UInt64) throws -> Hash32 {
        try environment.read { transaction in
            guard let bytes = try transaction.get(records, StoreKey(position)) else {
                throw LogFault.damaged(LogPosition(rawValue: position), "the record is missing")
            }
            return try StoredRecord(position: position, bytes: bytes).chain
        }
    }

    private func checkedChain(at position: UInt64, after previous: Hash32) throws -> Hash32 {
        try environment.read { transaction in
            let place = LogPosition(rawValue: position)
            guard let bytes = try transaction.get(records, StoreKey(position)) else {
                throw LogFault.damaged(place, "the record is missing")
            }
            let stored = try StoredRecord(position: position, bytes: bytes)
            let expected = try withBody(stored) { stored.expectedChain(after: previous, texts: $0.texts) }
            guard expected == stored.chain else {
                throw LogFault.damaged(place, "the hash chain is broken")
            }
            return stored.chain
        }
    }

    func cursor(_ name: String) throws -> LogPosition {
        try environment.read { transaction in
            guard let value = try transaction.get(cursors, name) else { return .none }
            return LogPosition(rawValue: try Self.position(value))
        }
    }

    func cursors(named prefix: String) throws -> [String: LogPosition] {
        try environment.read { transaction in
            var found: [String: LogPosition] = [:]
            try transaction.forEach(cursors, prefix: StoreKey().appending(prefix)) { key, value in
                found[String(decoding: key, as: UTF8.self)] = LogPosition(rawValue: try Self.position(value))
                return true
            }
            return found
        }
    }

    /// Puts the program's dictionary among the log's, once, and prepares it for writing.
    ///
    /// Every dictionary ever used stays in the log: its records cannot be read without.
    func installDictionary(level: Int32) throws -> CompressionDictionary? {
        let bytes = ShippedDictionary.bytes
        guard !bytes.isEmpty else { return nil }
        var number: UInt16 = 0
        var known: UInt16?
        try environment.read { transaction in
            try transaction.forEach(dictionaries) { key, value in
                var reader = ByteReader(key)
                number = try reader.readUInt16()
                if value.elementsEqual(bytes) { known = number }
                return known == nil
            }
        }
        if let known { return CompressionDictionary(number: known, bytes: bytes, level: level) }
        let new = number + 1
        try environment.write { try $0.put(dictionaries, StoreKey().appending(new), bytes) }
        return CompressionDictionary(number: new, bytes: bytes, level: level)
    }
}
