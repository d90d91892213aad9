package import EventLog
import GRDB
import ProjectionEngine

extension SearchIndex {
    /// The newest events that match, newest first.
    ///
    /// - Parameter upTo: only events up to this record.
    package func matches(_ expression: SearchExpression, upTo: LogPosition, limit: Int) throws -> [Hit] {
        try read { database in
            // The place of an event says nothing about how well its words fit.
            let statement = try database.cachedStatement(
                sql: """
                    SELECT rowid, bm25(words, 1.0, 0.0) FROM words WHERE words MATCH ? AND rowid <= ?
                    ORDER BY rowid DESC LIMIT ?
                    """)
            var hits: [Hit] = []
            let rows = try Row.fetchCursor(statement, arguments: [expression.match, Int64(upTo), limit])
            while let row = try rows.next() {
                let position: Int64 = row[0]
                let score: Double = row[1] ?? 0
                hits.append(
                    Hit(position: LogPosition(rawValue: UInt64(max(position, 0))), rank: score.isFinite ? -score : 0))
            }
            return hits
        }
    }

    /// The texts by which events are found, as they are now.
    package func texts(of positions: [LogPosition]) throws -> [String] {
        try read { database in
            let statement = try database.cachedStatement(sql: "SELECT text FROM documents WHERE position = ?")
            return try positions.compactMap { try String.fetchOne(statement, arguments: [Int64($0)]) }
        }
    }

    /// What the index holds, in 32 bytes, and the record up to which it does: equal exactly when every document, every edit
    /// and every word is.
    package func digest() throws -> (digest: [UInt8], position: LogPosition) {
        try read { database in
            var hash = RunningHash()
            let queries = [
                """
                SELECT position, event, room.name, sender.name, member, original, text FROM documents
                JOIN names AS room ON room.id = room JOIN names AS sender ON sender.id = sender ORDER BY position
                """,
                """
                SELECT position, event, target, room.name, sender.name, sent, text FROM edits
                JOIN names AS room ON room.id = room JOIN names AS sender ON sender.id = sender ORDER BY position
                """,
                "SELECT term, doc, col, offset FROM temp.vocabulary",
            ]
            try database.execute(
                sql: "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, words, instance)")
            for query in queries {
                hash.update(framed: Array(query.utf8))
                let rows = try Row.fetchCursor(database, sql: query)
                while let row = try rows.next() {
                    for value in row.databaseValues { hash.update(framed: Array(value.description.utf8)) }
                }
            }
            let position = try Int64.fetchOne(database, sql: "SELECT value FROM facts WHERE name = 'position'") ?? 0
            return (hash.finish(), LogPosition(rawValue: UInt64(max(position, 0))))
        }
    }

    /// The number of documents.
    package func count() throws -> Int {
        try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM documents") ?? 0 }
    }
}
