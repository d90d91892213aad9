import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps what is known of each media ID, each user's media, and how many media share a blob.
package struct MediaProjection: Projection {
    package let name = "media"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.mediaRows, .mediaByUser, .mediaPending, .mediaBlobs]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .media(let fact) = record.fact else { return }
        switch fact {
        case .created(let fact): try apply(fact, record, transaction, batch)
        case .uploaded(let fact): try apply(fact, record, transaction, batch)
        case .quarantined(let fact):
            try set(.quarantined, fact.isQuarantined, of: fact.mediaIDs, transaction, batch)
        case .protected(let fact):
            try set(.protected, fact.isProtected, of: fact.mediaIDs, transaction, batch)
        case .removed(let fact):
            for mediaID in fact.mediaIDs { try remove(mediaID, transaction, batch) }
        case .accessed(let fact):
            for access in fact.accesses {
                try change(access.mediaID, transaction, batch) { $0.accessedMs = max($0.accessedMs, access.atMs) }
            }
        }
    }

    private func apply(
        _ fact: MediaCreated, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(fact.userID, transaction)
        var row = MediaRow(
            mediaID: fact.mediaID, user: user, flags: [], position: record.position, createdMs: record.wallTimeMs)
        row.unusedExpiresAtMs = fact.unusedExpiresAtMs
        try transaction.put(batch.tables.mediaRows, ViewKeys.media(fact.mediaID), row.encoded())
        var expiry = ByteWriter(capacity: 8)
        expiry.write(fact.unusedExpiresAtMs)
        try transaction.put(batch.tables.mediaPending, ViewKeys.mediaOfUser(user, fact.mediaID), expiry)
    }

    private func apply(
        _ fact: MediaUploaded, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(fact.userID, transaction)
        let known = try row(fact.mediaID, transaction, batch)
        // What has come cannot be overwritten.
        if known?.hasContent == true { return }
        if let known {
            try transaction.delete(batch.tables.mediaPending, ViewKeys.mediaOfUser(known.user, fact.mediaID))
        }
        var row =
            known
            ?? MediaRow(
                mediaID: fact.mediaID, user: user, flags: [], position: record.position, createdMs: record.wallTimeMs)
        row.flags.insert(.hasContent)
        if fact.needsAuthentication { row.flags.insert(.needsAuthentication) }
        if fact.source == .preview { row.flags.insert(.preview) }
        row.uploadedMs = record.wallTimeMs
        row.bytes = fact.bytes
        row.blob = ViewKeys.blobName(fact.blob) ?? []
        row.contentType = fact.contentType
        row.fileName = fact.fileName
        try transaction.put(batch.tables.mediaRows, ViewKeys.media(fact.mediaID), row.encoded())
        if fact.source == .upload {
            try transaction.put(
                batch.tables.mediaByUser, ViewKeys.userMedia(row.user, row.position),
                UserMediaRow.encoded(mediaID: fact.mediaID, uploadedMs: row.uploadedMs, bytes: row.bytes))
        }
        try count(row, by: 1, transaction, batch)
    }

    private func row(
        _ mediaID: String, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> MediaRow? {
        try transaction.get(batch.tables.mediaRows, ViewKeys.media(mediaID)) { try MediaRow(reading: $0) }
    }

    private func change(
        _ mediaID: String, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        _ body: (inout MediaRow) -> Void
    ) throws {
        guard var row = try row(mediaID, transaction, batch) else { return }
        body(&row)
        try transaction.put(batch.tables.mediaRows, ViewKeys.media(mediaID), row.encoded())
    }

    private func set(
        _ flag: MediaRow.Flags, _ isSet: Bool, of mediaIDs: [String], _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        for mediaID in mediaIDs {
            try change(mediaID, transaction, batch) { row in
                if isSet { row.flags.insert(flag) } else { row.flags.remove(flag) }
            }
        }
    }

    private func remove(
        _ mediaID: String, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard let row = try row(mediaID, transaction, batch) else { return }
        try transaction.delete(batch.tables.mediaRows, ViewKeys.media(mediaID))
        if row.hasContent {
            try transaction.delete(batch.tables.mediaByUser, ViewKeys.userMedia(row.user, row.position))
            try count(row, by: -1, transaction, batch)
        } else {
            try transaction.delete(batch.tables.mediaPending, ViewKeys.mediaOfUser(row.user, mediaID))
        }
    }

    private func count(
        _ row: MediaRow, by difference: Int, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let key = ViewKeys.blob(row.blob)
        let known = try transaction.get(batch.tables.mediaBlobs, key) { try BlobRow(reading: $0) }
        let references = Int(known?.references ?? 0) + difference
        if references <= 0 {
            try transaction.delete(batch.tables.mediaBlobs, key)
        } else {
            try transaction.put(
                batch.tables.mediaBlobs, key,
                BlobRow(references: UInt32(clamping: references), bytes: row.bytes).encoded())
        }
    }
}
