import KeyValueStore

/// Reads a log, from another process beside the running server or in the same one.
package final class LogReader: Sendable {
    let storage: LogStorage
    /// How often the log had been restored into the past when it was opened.
    package let epoch: UInt64

    /// Opens the log of a directory for reading only.
    package init(directory: String, upcasters: Upcasters = Upcasters()) throws(LogFault) {
        do {
            let options = StoreOptions(maxTables: 16, readOnly: true)
            let environment = try StoreEnvironment(directory: directory, options: options)
            storage = try LogStorage(environment: environment, upcasters: upcasters, makeLogID: nil)
            epoch = UInt64(try storage.epoch().number)
        } catch let fault as StoreFault where fault.code == .notFound {
            throw .noLog(directory)
        } catch {
            throw LogFault(error)
        }
    }

    init(storage: LogStorage, epoch: UInt64) {
        self.storage = storage
        self.epoch = epoch
    }

    /// The last record's position.
    package func head() throws(LogFault) -> LogPosition {
        do {
            return try storage.head()
        } catch {
            throw LogFault(error)
        }
    }

    package func record(at position: LogPosition) throws(LogFault) -> EventRecord? {
        try storage.record(at: position)
    }

    package func read(from position: LogPosition, limit: Int) throws(LogFault) -> [EventRecord] {
        try storage.read(from: position, limit: limit)
    }

    package func streamVersion(of stream: StreamID) throws -> UInt64 {
        try storage.streamVersion(of: stream)
    }

    /// How far a reactor has acted.
    package func cursor(_ name: String) throws -> LogPosition {
        try storage.cursor(name)
    }

    /// Visits records from `position` to the head until `body` answers false. No read transaction outlives a chunk.
    package func scan(from position: LogPosition, _ body: (EventRecord) throws -> Bool) throws {
        var next = position
        while true {
            let chunk = try storage.read(from: next, limit: 512)
            guard let last = chunk.last else { return }
            for record in chunk {
                guard try body(record) else { return }
            }
            next = last.position.next
        }
    }

    /// The same for the bytes as stored, which are checked but not decompressed: for backups.
    package func scanStored(
        from position: LogPosition, _ body: (LogPosition, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        var next = max(position.rawValue, 1)
        var isDone = false
        while !isDone {
            var found = 0
            try storage.environment.read { transaction in
                try transaction.forEach(storage.records, from: StoreKey(next), limit: 512) { key, value in
                    found += 1
                    let place = try LogStorage.position(key)
                    _ = try StoredRecord(position: place, bytes: value)
                    next = place &+ 1
                    isDone = try !body(LogPosition(rawValue: place), value)
                    return !isDone
                }
            }
            if found == 0 { return }
        }
    }

    /// Visits records from `position` on for as long as `body` answers true, waiting with `pause` at the head.
    package func tail(
        from position: LogPosition, pause: () async throws -> Void, _ body: (EventRecord) async throws -> Bool
    ) async throws {
        var next = position
        while true {
            let chunk = try storage.read(from: next, limit: 256)
            for record in chunk {
                guard try await body(record) else { return }
                next = record.position.next
            }
            if chunk.isEmpty { try await pause() }
        }
    }

    /// Checks every record: position, checksum, payload digest, chain, checkpoints, erasures, stream versions.
    ///
    /// - Parameters:
    ///   - publicKey: the server's Ed25519 key; without it signatures are not checked.
    ///   - progress: told the position from time to time.
    package func verify(
        publicKey: [UInt8]? = nil, progress: (LogPosition) -> Void = { _ in }
    ) throws -> LogVerification {
        var verifier = LogVerifier(storage: storage, publicKey: publicKey)
        return try verifier.run(progress: progress)
    }

    /// What a backup needs beside the records: dictionaries, cursors and the log's facts about itself.
    package func exportTables() throws -> [UInt8] {
        try LogTables.export(storage)
    }

    package func close() {
        storage.environment.close()
    }
}
