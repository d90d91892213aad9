import EventLog
import Foundation
import GRDB

/// Applies records to the tables, in one transaction.
struct SearchFold {
    private let database: Database
    private let names: NameNumbers
    /// Whether something was erased, whose words must not stay behind.
    private(set) var hasErased = false

    init(_ database: Database, names: NameNumbers) {
        self.database = database
        self.names = names
    }

    mutating func apply(_ record: EventRecord) throws {
        if record.kind == .erasure {
            for position in Erasure.positions(in: record) { try erase(position) }
            return
        }
        guard let event = try IndexedPart.read(record) else { return }
        if let target = event.redacts { try redact(target, in: event.roomID) }
        switch event.part {
        case nil: return
        case .document(let document): try insert(document, of: event, at: record.position)
        case .edit(let edit): try insert(edit, of: event, at: record.position)
        }
    }

    // MARK: Events

    private func insert(
        _ document: IndexedPart.Document, of event: IndexedPart.Source, at position: LogPosition
    ) throws {
        let eventID = Data(event.eventID.utf8)
        // An event that was recorded twice counts where it came last.
        if let old = try find(eventID) { try remove(old) }
        let (room, sender) = (try names.number(event.roomID, database), try names.number(event.sender, database))
        try run(
            "INSERT INTO documents (position, event, room, sender, member, text) VALUES (?, ?, ?, ?, ?, ?)",
            [Int64(position), eventID, room, sender, document.key.number, document.text])
        let place = SearchExpression.place(ofRoom: event.roomID, document.key)
        try insertWords(at: Int64(position), document.text, place)
        if document.key == .body, try latestEdit(of: eventID, in: room, by: sender) != nil {
            try showLatest(of: eventID)
        }
    }

    private func insert(_ edit: IndexedPart.Edit, of event: IndexedPart.Source, at position: LogPosition) throws {
        let target = Data(edit.target.utf8)
        let (room, sender) = (try names.number(event.roomID, database), try names.number(event.sender, database))
        try run(
            """
            INSERT OR REPLACE INTO edits (position, event, target, room, sender, sent, text)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [Int64(position), Data(event.eventID.utf8), target, room, sender, event.originServerTS, edit.text])
        try showLatest(of: target)
    }

    private func redact(_ eventID: String, in roomID: String) throws {
        let target = Data(eventID.utf8)
        let room = try names.number(roomID, database)
        if let document = try find(target), document.room == room { try remove(document) }
        try run("DELETE FROM edits WHERE target = ? AND room = ?", [target, room])
        let edited = try Data.fetchOne(
            database.cachedStatement(sql: "SELECT target FROM edits WHERE event = ? AND room = ?"),
            arguments: [target, room])
        if let edited {
            try run("DELETE FROM edits WHERE event = ?", [target])
            try showLatest(of: edited)
        }
    }

    private mutating func erase(_ position: LogPosition) throws {
        let place = Int64(position)
        if let document = try find(at: place) {
            try remove(document)
            hasErased = true
        }
        let edited = try Data.fetchOne(
            database.cachedStatement(sql: "SELECT target FROM edits WHERE position = ?"), arguments: [place])
        if let edited {
            try run("DELETE FROM edits WHERE position = ?", [place])
            try showLatest(of: edited)
            hasErased = true
        }
    }

    // MARK: Documents

    private struct Document {
        let position: Int64
        let room: Int64
        let sender: Int64
        let key: SearchExpression.Key?
        let original: String?
        let text: String

        init(_ row: Row) {
            position = row["position"]
            room = row["room"]
            sender = row["sender"]
            key = SearchExpression.Key(number: row["member"])
            original = row["original"]
            text = row["text"]
        }
    }

    private func find(_ eventID: Data) throws -> Document? {
        try Row.fetchOne(
            database.cachedStatement(
                sql: "SELECT * FROM documents WHERE substr(event, 2, 10) = substr(?1, 2, 10) AND event = ?1"),
            arguments: [eventID]
        ).map(Document.init)
    }

    private func find(at position: Int64) throws -> Document? {
        try Row.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM documents WHERE position = ?"), arguments: [position]
        ).map(Document.init)
    }

    private func remove(_ document: Document) throws {
        try removeWords(of: document)
        try run("DELETE FROM documents WHERE position = ?", [document.position])
    }

    private func insertWords(at position: Int64, _ text: String, _ place: String) throws {
        try run("INSERT INTO words (rowid, text, place) VALUES (?, ?, ?)", [position, text, place])
    }

    /// The words' table keeps no text of its own and must be told what it forgets.
    private func removeWords(of document: Document) throws {
        try run(
            "INSERT INTO words (words, rowid, text, place) VALUES ('delete', ?, ?, ?)",
            [document.position, document.text, try place(of: document)])
    }

    private func place(of document: Document) throws -> String {
        guard let key = document.key, let room = try names.name(document.room, database) else {
            throw SearchIndex.Fault("the document at \(document.position) is of no room or member", isDamage: true)
        }
        return SearchExpression.place(ofRoom: room, key)
    }

    /// The text of the newest edit by a message's sender, "by comparing `origin_server_ts` (the largest wins) and, if equal,
    /// the lexicographically largest `event_id`".
    private func latestEdit(of eventID: Data, in room: Int64, by sender: Int64) throws -> String? {
        try String.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT text FROM edits WHERE target = ? AND room = ? AND sender = ?
                    ORDER BY sent DESC, event DESC LIMIT 1
                    """),
            arguments: [eventID, room, sender])
    }

    /// Puts a message's latest text in place.
    private func showLatest(of eventID: Data) throws {
        guard let document = try find(eventID), document.key == .body else { return }
        let edit = try latestEdit(of: eventID, in: document.room, by: document.sender)
        let first = document.original ?? document.text
        let latest = edit ?? first
        if latest.utf8.elementsEqual(document.text.utf8), (document.original != nil) == (edit != nil) { return }
        try removeWords(of: document)
        try run(
            "UPDATE documents SET original = ?, text = ? WHERE position = ?",
            [edit == nil ? nil : first, latest, document.position])
        try insertWords(at: document.position, latest, try place(of: document))
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try database.cachedStatement(sql: sql).execute(arguments: arguments)
    }
}

extension Int64 {
    init(_ position: LogPosition) { self.init(clamping: position.rawValue) }
}

/// The short numbers of rooms and senders; the newest are remembered.
final class NameNumbers {
    private var known: [Data: Int64] = [:]
    private static let mostKnown = 20_000

    /// What was numbered in a transaction that failed is not true.
    func forget() { known.removeAll() }

    func number(_ name: String, _ database: Database) throws -> Int64 {
        let bytes = Data(name.utf8)
        if let number = known[bytes] { return number }
        if known.count >= Self.mostKnown { known.removeAll(keepingCapacity: true) }
        let stored = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT id FROM names WHERE name = ?"), arguments: [bytes])
        if let stored {
            known[bytes] = stored
            return stored
        }
        try database.cachedStatement(sql: "INSERT INTO names (name) VALUES (?)").execute(arguments: [bytes])
        let number = database.lastInsertedRowID
        known[bytes] = number
        return number
    }

    func name(_ number: Int64, _ database: Database) throws -> String? {
        let bytes = try Data.fetchOne(
            database.cachedStatement(sql: "SELECT name FROM names WHERE id = ?"), arguments: [number])
        return bytes.map { String(decoding: $0, as: UTF8.self) }
    }
}
