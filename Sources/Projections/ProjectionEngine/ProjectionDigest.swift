package import EventLog
import KeyValueStore
import ReadModel

/// What a projection's tables hold, in 32 bytes: equal exactly when every key and value is.
package struct ProjectionDigest: Sendable, Hashable {
    package let name: String
    /// BLAKE2b-256 over each table's name and, with their lengths, its keys and values in order.
    package let digest: [UInt8]
}

extension ProjectionEngine {
    /// The digests of the live tables, all of one snapshot.
    package func digests() throws -> [ProjectionDigest] { try digestsWithPosition().digests }

    /// The same with the last record that the snapshot includes.
    package func digestsWithPosition() throws -> (digests: [ProjectionDigest], position: LogPosition) {
        try views.read { transaction, tables in
            let digests = try projections.map { projection in
                var hash = RunningHash()
                for table in projection.tables {
                    hash.update(framed: Array(table.rawValue.utf8))
                    hash.update(number: UInt64(try transaction.count(tables[table])))
                    try transaction.forEach(tables[table]) { key, value in
                        hash.update(framed: key)
                        hash.update(framed: value)
                        return true
                    }
                }
                return ProjectionDigest(name: projection.name, digest: hash.finish())
            }
            return (digests, try views.head(in: transaction))
        }
    }
}
