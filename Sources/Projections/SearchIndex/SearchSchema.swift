import GRDB

/// The tables of the index.
enum SearchSchema {
    /// Raised when the same records would make other rows: the index is then built anew.
    static let version = 2

    /// - `documents_by_event` has the first 60 bits of an event's hash, a quarter of what whole identifiers would take.
    /// - `words` keeps no text: it is told what to forget, and that is in `documents`.
    static func create(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
                CREATE TABLE names (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
                CREATE TABLE documents (
                    position INTEGER PRIMARY KEY,
                    event BLOB NOT NULL,
                    room INTEGER NOT NULL,
                    sender INTEGER NOT NULL,
                    member INTEGER NOT NULL,
                    original TEXT,
                    text TEXT NOT NULL
                );
                CREATE INDEX documents_by_event ON documents (substr(event, 2, 10));
                CREATE TABLE edits (
                    position INTEGER PRIMARY KEY,
                    event BLOB NOT NULL UNIQUE,
                    target BLOB NOT NULL,
                    room INTEGER NOT NULL,
                    sender INTEGER NOT NULL,
                    sent INTEGER NOT NULL,
                    text TEXT NOT NULL
                );
                CREATE INDEX edits_by_target ON edits (target, room, sender, sent, event);
                CREATE VIRTUAL TABLE words USING fts5 (
                    text, place, content='',
                    tokenize="unicode61 remove_diacritics 2"
                );
                PRAGMA user_version = \(version);
                """)
    }
}
