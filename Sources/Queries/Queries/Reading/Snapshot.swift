import EventLog
import KeyValueStore
import ReadModel

/// One snapshot of the views with their tables, for the time of one query.
///
/// It is made inside the closure of a read and must not outlive it; being no `Sendable`, it cannot leave the thread.
struct Snapshot: StoreReader {
    let handle: StoreTransactionHandle
    let tables: ViewTables
    /// The last record that this snapshot includes.
    let newest: LogPosition
}

extension Views {
    /// Answers a query from one snapshot.
    func snapshot<R>(_ body: (Snapshot) throws -> R) throws -> R {
        try read { transaction, tables in
            try body(
                Snapshot(handle: transaction.handle, tables: tables, newest: try head(in: transaction)))
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A big-endian number of a key or value; nil when the bytes end before it.
    @inline(__always)
    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number? {
        guard offset >= 0, offset + MemoryLayout<Number>.size <= count else { return nil }
        return Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}
