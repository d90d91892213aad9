package import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// What is known of media: their rows, what a user has uploaded, which blobs are still somebody's.
package struct MediaQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    package func media(_ mediaID: String) throws -> MediaRow? {
        try views.snapshot { try $0.media(mediaID) }
    }

    /// How many bytes a user has uploaded since a time; what was removed no longer counts.
    package func bytesUploaded(by user: UserID, sinceMs: Int64) throws -> Int64 {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return 0 }
            var total: Int64 = 0
            try snapshot.forEach(
                snapshot.tables.mediaByUser, prefix: ViewKeys.user(number), reversed: true
            ) { _, value in
                let row = try UserMediaRow(reading: value)
                if row.uploadedMs >= sinceMs { total += row.bytes }
                // IDs may wait a day for their content, so the order of the IDs is not quite that of the uploads.
                return row.uploadedMs >= sinceMs - 86_400_000
            }
            return total
        }
    }

    /// How many of a user's IDs wait for their content and are not void yet.
    package func pendingCount(of user: UserID, nowMs: Int64) throws -> Int {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return 0 }
            var count = 0
            try snapshot.forEach(snapshot.tables.mediaPending, prefix: ViewKeys.user(number)) { _, value in
                if let expiry: Int64 = value.number(at: 0), expiry > nowMs { count += 1 }
                return true
            }
            return count
        }
    }

    /// Media of a user, newest first.
    ///
    /// - Parameter before: the position of the last one of the page before.
    package func media(
        of user: UserID, before: LogPosition? = nil, limit: Int
    ) throws -> [MediaRow] {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return [] }
            var rows: [MediaRow] = []
            try snapshot.forEach(
                snapshot.tables.mediaByUser, to: before.map { ViewKeys.userMedia(number, $0) },
                prefix: ViewKeys.user(number), reversed: true, limit: limit
            ) { _, value in
                if let row = try snapshot.media(try UserMediaRow(reading: value).mediaID) { rows.append(row) }
                return true
            }
            return rows
        }
    }

    /// IDs that match, in no particular order.
    ///
    /// - Parameter from: begin behind this ID, for a walk in several steps.
    package func mediaIDs(
        after mediaID: String?, limit: Int, where matches: (MediaRow) -> Bool
    ) throws -> (found: [String], last: String?) {
        try views.snapshot { snapshot in
            var found: [String] = []
            var last: String?
            var seen = 0
            let start = mediaID.map { ViewKeys.media($0) }
            try snapshot.forEach(snapshot.tables.mediaRows, from: start) { key, value in
                if let start, start.withStoreBytes({ $0.elementsEqual(key) }) { return true }
                let row = try MediaRow(reading: value)
                if matches(row) { found.append(row.mediaID) }
                seen += 1
                last = row.mediaID
                return seen < limit
            }
            return (found, seen < limit ? nil : last)
        }
    }

    /// Whether any media has this blob.
    package func isReferenced(blob: [UInt8]) throws -> Bool {
        try views.snapshot { try $0.contains($0.tables.mediaBlobs, ViewKeys.blob(blob)) }
    }

    /// Number and bytes of all blobs that media have.
    package func totals() throws -> (blobs: Int, bytes: Int64) {
        try views.snapshot { snapshot in
            var total: (blobs: Int, bytes: Int64) = (0, 0)
            try snapshot.forEach(snapshot.tables.mediaBlobs) { _, value in
                total.blobs += 1
                total.bytes += try BlobRow(reading: value).bytes
                return true
            }
            return total
        }
    }
}

extension Snapshot {
    func media(_ mediaID: String) throws -> MediaRow? {
        try get(tables.mediaRows, ViewKeys.media(mediaID)).map { try MediaRow(reading: $0) }
    }
}
