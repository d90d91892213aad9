package import CanonicalJSON
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Backups of session keys.
package struct KeyBackupQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    package func head(of user: UserID) throws -> BackupHeadRow {
        try views.snapshot { snapshot in try snapshot.number(of: user).map { try snapshot.backupHead($0) } ?? .init() }
    }

    /// A backup, deleted or not; nil for one that never was.
    package func version(_ version: UInt64, of user: UserID) throws -> BackupVersionRow? {
        try views.snapshot { snapshot in
            try snapshot.number(of: user).flatMap { try snapshot.backupVersion($0, version) }
        }
    }

    /// Head and version of one snapshot.
    package func state(of user: UserID, version: UInt64) throws -> (BackupHeadRow, BackupVersionRow?) {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return (BackupHeadRow(), nil) }
            return (try snapshot.backupHead(number), try snapshot.backupVersion(number, version))
        }
    }

    /// The stored keys of some sessions: room to session to key data.
    package func stored(
        _ sessions: [(roomID: String, sessionID: String)], version: UInt64, of user: UserID
    ) throws -> [JSONObject?] {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return sessions.map { _ in nil } }
            return try sessions.map { session in
                let key = ViewKeys.backupSession(
                    number, version: version, roomID: session.roomID, sessionID: session.sessionID)
                guard let value = try snapshot.get(snapshot.tables.backupKeys, key) else { return nil }
                return try JSONValueReader.object(try BackupKeyRow(reading: value).json)
            }
        }
    }

    /// The key data of one session; nil when there is none.
    package func session(_ sessionID: String, room: String, version: UInt64, of user: UserID) throws -> [UInt8]? {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return nil }
            let key = ViewKeys.backupSession(number, version: version, roomID: room, sessionID: sessionID)
            return try snapshot.get(snapshot.tables.backupKeys, key).map { Array(try BackupKeyRow(reading: $0).json) }
        }
    }

    /// `{"sessions": …}` of one room.
    package func room(_ roomID: String, version: UInt64, of user: UserID) throws -> [UInt8] {
        try views.snapshot { snapshot in
            var writer = JSONWriter()
            writer.splice("{\"sessions\":{")
            if let number = try snapshot.number(of: user) {
                let prefix = ViewKeys.backupRoom(number, version: version, roomID: roomID)
                try snapshot.forEach(snapshot.tables.backupKeys, prefix: prefix) { _, value in
                    let row = try BackupKeyRow(reading: value)
                    writer.field(row.sessionID, raw: row.json)
                    return true
                }
            }
            writer.splice("}}")
            return writer.bytes
        }
    }

    /// `{"rooms": …}` of all.
    package func all(version: UInt64, of user: UserID) throws -> [UInt8] {
        try views.snapshot { snapshot in
            var writer = JSONWriter(capacity: 1 << 14)
            writer.splice("{\"rooms\":{")
            var current: String?
            if let number = try snapshot.number(of: user) {
                let prefix = ViewKeys.backup(number, version: version)
                // The keys of one room stand together.
                try snapshot.forEach(snapshot.tables.backupKeys, prefix: prefix) { _, value in
                    let row = try BackupKeyRow(reading: value)
                    if current.map({ !$0.utf8.elementsEqual(row.roomID.utf8) }) ?? true {
                        if current != nil { writer.splice("}}") }
                        writer.key(row.roomID)
                        writer.splice("{\"sessions\":{")
                        current = row.roomID
                    }
                    writer.field(row.sessionID, raw: row.json)
                    return true
                }
            }
            if current != nil { writer.splice("}}") }
            writer.splice("}}")
            return writer.bytes
        }
    }
}

extension Snapshot {
    fileprivate func backupHead(_ user: UserNum) throws -> BackupHeadRow {
        try get(tables.backupHeads, ViewKeys.user(user)).map { try BackupHeadRow(reading: $0) } ?? BackupHeadRow()
    }

    fileprivate func backupVersion(_ user: UserNum, _ version: UInt64) throws -> BackupVersionRow? {
        try get(tables.backupVersions, ViewKeys.backup(user, version: version)).map {
            try BackupVersionRow(reading: $0)
        }
    }
}
