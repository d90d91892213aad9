import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps what users reported, for the administrators: by position, the fact as it was logged with its time.
package struct ReportsProjection: Projection {
    package let name = "reports"
    package let version: UInt32 = 1
    package let tables: [ViewTable] = [.reportsRows]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .reportFiled(let fact) = record.fact else { return }
        var out = ByteWriter(capacity: 256)
        out.write(record.wallTimeMs)
        out.writeFramed(fact.payload())
        try transaction.put(batch.tables[.reportsRows], ViewKeys.event(record.position), out)
    }
}
