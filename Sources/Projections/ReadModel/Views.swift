package import EventLog
package import KeyValueStore
import Synchronization

/// The projections' tables on disk: disposable, and trusted only as far as ``ViewSession`` allows.
package final class Views: Sendable {
    package let environment: StoreEnvironment
    /// Whether the tables of an earlier run were thrown away because the machine stopped without closing them.
    package let wasDiscarded: Bool
    /// The table of checkpoints and generations; the projection engine's own.
    package let checkpoints: StoreTable

    private let current: Mutex<ViewTables>
    private let lastApplied: Atomic<UInt64>
    private let session: ViewSession?

    /// Opens the tables, after throwing them away when they cannot be trusted.
    ///
    /// - Parameters:
    ///   - directory: made when it does not exist; nothing else may be in it.
    ///   - readOnly: beside a running server; fails when there are no tables yet.
    package init(directory: String, readOnly: Bool = false, bootID: String = ViewSession.currentBootID()) throws {
        if readOnly {
            session = nil
            wasDiscarded = false
        } else {
            let session = try ViewSession(directory: directory, bootID: bootID)
            wasDiscarded = session.discardedUntrusted
            self.session = session
        }
        let options = StoreOptions(
            mapSize: 256 << 20, maxTables: 192, durability: .unsyncedMapped, readOnly: readOnly)
        environment = try StoreEnvironment(directory: directory, options: options)
        checkpoints = try environment.table("checkpoints")
        let state = try Self.load(environment, checkpoints)
        current = Mutex(state.tables)
        lastApplied = Atomic(state.head.rawValue)
    }

    private static func load(
        _ environment: StoreEnvironment, _ checkpoints: StoreTable
    ) throws -> (tables: ViewTables, head: LogPosition) {
        let (generations, head) = try environment.read { transaction in
            var generations = [UInt32](repeating: 0, count: ViewTable.allCases.count)
            for table in ViewTable.allCases {
                generations[table.ordinal] = try ViewCheckpoint.generation(of: table, transaction, checkpoints)
            }
            return (generations, try ViewCheckpoint.head(transaction, checkpoints))
        }
        return (try ViewTables(environment: environment) { generations[$0.ordinal] }, head)
    }

    /// The open tables; inside a transaction take them from ``read(_:)``.
    package var tables: ViewTables { current.withLock { $0 } }

    /// The last record that the tables include.
    package var head: LogPosition { LogPosition(rawValue: lastApplied.load(ordering: .acquiring)) }

    /// Reads one snapshot of all tables.
    package func read<R>(_ body: (borrowing ReadTransaction, ViewTables) throws -> R) throws -> R {
        while true {
            let before = tables
            let result: R? = try environment.read { transaction in
                // A rebuild may have put new tables in place between the two lines above; once the transaction has
                // begun, the tables it uses stay.
                guard tables === before else { return nil }
                return try body(transaction, before)
            }
            if let result { return result }
        }
    }

    /// The epoch-independent position that a snapshot includes; equal to ``head`` but exact inside a transaction.
    package func head(in transaction: borrowing ReadTransaction) throws -> LogPosition {
        try ViewCheckpoint.head(transaction, checkpoints)
    }

    // MARK: - For the projection engine

    /// Tells readers that records up to `position` are included. Call after the commit.
    package func advance(to position: LogPosition) {
        lastApplied.store(position.rawValue, ordering: .releasing)
    }

    /// Reads generations and head again, after the engine has committed others.
    package func reload() throws {
        let state = try Self.load(environment, checkpoints)
        current.withLock { $0 = state.tables }
        advance(to: state.head)
    }

    /// Overwrites what rows that were changed or removed have left in unused parts of the file.
    @discardableResult
    package func scrub() throws -> ScrubReport {
        let checkpoints = checkpoints
        return try environment.scrub { try $0.put(checkpoints, StoreKey().appending("scrub"), $1) }
    }

    /// Syncs and marks the tables as whole, so that the next start may trust them on any boot.
    package func close() throws {
        defer { environment.close() }
        guard let session else { return }
        try environment.sync(force: true)
        try session.markClean()
    }
}
