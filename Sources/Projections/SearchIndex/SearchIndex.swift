package import EventLog
import Foundation
import GRDB
import Glibc
import Synchronization

/// The words of messages, room names and topics: a fold of the log in an SQLite database of its own.
///
/// It may be thrown away at any time. One thread writes; any number reads.
package final class SearchIndex: Sendable {
    /// An event that was found.
    package struct Hit: Sendable, Hashable {
        package let position: LogPosition
        /// The greater, the better it fits.
        package let rank: Double
    }

    /// The index cannot be read or written.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
        /// Whether the file itself is broken, so that it must be built anew.
        package let isDamage: Bool

        init(_ description: String, isDamage: Bool = false) {
            self.description = description
            self.isDamage = isDamage
        }

        init(_ error: any Error) {
            if let known = error as? Fault {
                self = known
                return
            }
            let code = (error as? DatabaseError)?.resultCode
            self.init("\(error)", isDamage: code == .SQLITE_CORRUPT || code == .SQLITE_NOTADB || code == .SQLITE_ERROR)
        }
    }

    /// How far the index is, and what the log had there.
    struct Checkpoint {
        var position = LogPosition(rawValue: 0)
        var chainHash: [UInt8] = []
    }

    let directory: String
    private let isReadOnly: Bool
    private let opened: Mutex<Opened?>

    private struct Opened {
        let reader: any DatabaseReader
        /// Nil when the index was opened for reading only.
        let writer: DatabasePool?
        let names: SharedNames
    }

    // SAFETY: the numbers are used only inside write transactions, of which SQLite allows one at a time.
    private final class SharedNames: @unchecked Sendable {
        let numbers = NameNumbers()
    }

    /// Opens the index of a directory, which must exist. One that another version wrote, or that is broken, is emptied.
    package init(directory: String, readOnly: Bool = false) throws {
        self.directory = directory
        isReadOnly = readOnly
        opened = Mutex(nil)
        do {
            try open()
        } catch let fault as Fault where fault.isDamage && !readOnly {
            try startOver()
        }
    }

    private var path: String { directory + "/index.sqlite" }

    /// Whether a directory has an index.
    package static func exists(in directory: String) -> Bool { access(directory + "/index.sqlite", F_OK) == 0 }

    private func open() throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = isReadOnly
        configuration.maximumReaderCount = 4
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA cache_size = -16000")
            guard !database.configuration.readonly else { return }
            // What is redacted or erased is overwritten. A commit that a power failure takes back is made again.
            try database.execute(sql: "PRAGMA secure_delete = ON; PRAGMA synchronous = NORMAL")
        }
        do {
            if isReadOnly {
                let queue = try DatabaseQueue(path: path, configuration: configuration)
                let version = try queue.read { try Int.fetchOne($0, sql: "PRAGMA user_version") }
                guard version == SearchSchema.version else { throw Fault("another version wrote the index") }
                opened.withLock { $0 = Opened(reader: queue, writer: nil, names: SharedNames()) }
                return
            }
            let pool = try DatabasePool(path: path, configuration: configuration)
            let version = try pool.read { try Int.fetchOne($0, sql: "PRAGMA user_version") } ?? 0
            if version == 0 {
                try pool.write { try SearchSchema.create($0) }
            } else if version != SearchSchema.version {
                try pool.close()
                throw Fault("another version wrote the index", isDamage: true)
            }
            opened.withLock { $0 = Opened(reader: pool, writer: pool, names: SharedNames()) }
        } catch {
            throw Fault(error)
        }
    }

    /// Removes everything.
    package func startOver() throws {
        close()
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
        try open()
    }

    package func close() {
        let last = opened.withLock { opened in
            defer { opened = nil }
            return opened
        }
        // Whoever still reads keeps the file; it is closed behind them.
        do { try last?.reader.close() } catch { return }
    }

    private var current: Opened {
        get throws {
            guard let current = opened.withLock({ $0 }) else { throw Fault("the index is closed") }
            return current
        }
    }

    func read<R>(_ body: (Database) throws -> R) throws -> R {
        do {
            return try current.reader.read(body)
        } catch {
            throw Fault(error)
        }
    }

    private func write<R>(_ body: (Database, NameNumbers) throws -> R) throws -> R {
        let current = try current
        guard let writer = current.writer else { throw Fault("the index is open for reading only") }
        do {
            return try writer.write { try body($0, current.names.numbers) }
        } catch let error as DatabaseError {
            current.names.numbers.forget()
            throw Fault(error)
        } catch {
            current.names.numbers.forget()
            throw error
        }
    }

    // MARK: Following the log

    func checkpoint() throws -> Checkpoint {
        try read { database in
            var checkpoint = Checkpoint()
            let position = try Int64.fetchOne(database, sql: "SELECT value FROM facts WHERE name = 'position'")
            checkpoint.position = LogPosition(rawValue: UInt64(max(position ?? 0, 0)))
            let chain = try Data.fetchOne(database, sql: "SELECT value FROM facts WHERE name = 'chain'")
            checkpoint.chainHash = chain.map(Array.init) ?? []
            return checkpoint
        }
    }

    /// Applies records that follow the checkpoint, with the new checkpoint in the same transaction.
    func apply(_ records: [EventRecord]) throws {
        guard let last = records.last else { return }
        try write { database, names in
            var fold = SearchFold(database, names: names)
            for record in records { try fold.apply(record) }
            let insert = try database.cachedStatement(sql: "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)")
            try insert.execute(arguments: ["position", Int64(last.position)])
            try insert.execute(arguments: ["chain", Data(last.chainHash)])
            if fold.hasErased { try insert.execute(arguments: ["erased", 1]) }
        }
    }

    /// Writes the words anew if something was erased, since those of forgotten texts stay in old segments until then.
    func scrubIfErased() throws {
        let hasErased = try read { try Int.fetchOne($0, sql: "SELECT value FROM facts WHERE name = 'erased'") } != nil
        if hasErased { try scrub() }
    }

    /// Leaves no byte of what was erased in the files.
    package func scrub() throws {
        try write { database, _ in
            let hasErased = try Int.fetchOne(database, sql: "SELECT value FROM facts WHERE name = 'erased'") != nil
            guard hasErased else { return }
            try database.execute(sql: "INSERT INTO words (words) VALUES ('optimize')")
            try database.execute(sql: "DELETE FROM facts WHERE name = 'erased'")
        }
        do {
            _ = try current.writer?.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        } catch {
            throw Fault(error)
        }
    }
}
