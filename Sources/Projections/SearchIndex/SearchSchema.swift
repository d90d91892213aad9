import GRDB

/// The tables of the index.
enum SearchSchema {
    /// Raised when the same records would make other rows: the index is then built anew.
    static let version = 1

    static func create(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
                CREATE TABLE names (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
                CREATE TABLE documents (
                    position INTEGER PRIMARY KEY,
                    event BLOB NOT NULL UNIQUE,
                    room INTEGER NOT NULL,
                    sender INTEGER NOT NULL,
                    place TEXT NOT NULL,
                    original TEXT,
                    text TEXT NOT NULL
                );
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
                    text, place, content='documents', content_rowid='position',
                    tokenize="unicode61 remove_diacritics 2"
                );
                PRAGMA user_version = \(version);
                """)
    }
}
