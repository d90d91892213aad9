import CanonicalJSON
import EventLog
package import KeyValueStore
import LogEvents
import MatrixEvents
package import ProjectionEngine
package import ReadModel

/// Keeps every signing key of every server that was ever learned, and the newest document of each server for others who
/// ask us about it.
package struct ServerKeysProjection: Projection {
    package let name = "serverKeys"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.serverKeysRows, .serverKeysDocuments]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .serverKeysLearned(let fact) = record.fact else { return }
        guard let document = ServerKeyDocument(fact.document) else { throw ServerKeysFault() }
        let (rows, documents) = (batch.tables[.serverKeysRows], batch.tables[.serverKeysDocuments])
        for key in document.keys where fact.keyIDs.contains(key.id) {
            let name = ViewKeys.serverKey(fact.serverName, key.id)
            let held = try transaction.get(rows, name) { try ServerKeyRow(reading: $0) }
            let learned = ServerKeyRow(
                text: key.text,
                validity: key.expired.map { .old(expired: $0) }
                    ?? .current(validUntil: document.validUntil, fetched: fact.fetchedMs))
            guard let row = Self.merged(held, with: learned), row != held else { continue }
            try transaction.put(rows, name, row.encoded())
        }
        let name = ViewKeys.serverKeyDocument(of: fact.serverName)
        let held = try transaction.get(documents, name) { try ServerKeyDocumentRow(reading: $0) }
        // A notary may give what is older than what the server itself has said.
        if let held, held.validUntil > document.validUntil, fact.notary != nil { return }
        let row = ServerKeyDocumentRow(
            fetchedMs: fact.fetchedMs, validUntil: document.validUntil, json: fact.document.canonicalBytes())
        try transaction.put(documents, name, row.encoded())
    }

    /// What is known of a key after a document named it. A key that was retired stays so; of two documents that call it
    /// current the one counts that is good for longer.
    private static func merged(_ held: ServerKeyRow?, with learned: ServerKeyRow) -> ServerKeyRow? {
        guard let held, held.text == learned.text else { return learned }
        switch (held.validity, learned.validity) {
        case (.old, .current): return nil
        case (.current(let validUntil, let fetched), .current(let newValidUntil, let newFetched)):
            let before = SigningKeyValidity.current(validUntil: validUntil, fetchedAt: fetched)
            let now = SigningKeyValidity.current(validUntil: newValidUntil, fetchedAt: newFetched)
            return now.lastTimestamp > before.lastTimestamp ? learned : nil
        case (_, .old): return learned
        }
    }
}

private struct ServerKeysFault: Error, CustomStringConvertible {
    let description = "the document of a server's keys is none"
}
