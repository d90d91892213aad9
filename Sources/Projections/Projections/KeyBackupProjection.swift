import CanonicalJSON
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps users' backups of session keys, with a count and a mark that changes with every change.
package struct KeyBackupProjection: Projection {
    package let name = "keyBackup"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.backupHeads, .backupVersions, .backupKeys]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .accountDeactivated(let fact):
            let user = ViewKeys.user(try batch.user(fact.userID, transaction))
            for table in tables { try transaction.deletePrefix(batch.tables[table], user) }
        case .keys(.backupVersionCreated(let fact)):
            let user = try batch.user(fact.userID, transaction)
            let row = BackupVersionRow(algorithm: fact.algorithm, authDataJSON: fact.authData.canonicalBytes())
            try put(row, user, fact.version, transaction, batch)
            try updateHead(of: user, record, transaction, batch) { head in
                head.lastVersion = max(head.lastVersion, fact.version)
                head.current = fact.version
            }
        case .keys(.backupVersionChanged(let fact)):
            let user = try batch.user(fact.userID, transaction)
            try update(user, fact.version, transaction, batch) { $0.authDataJSON = fact.authData.canonicalBytes() }
            try updateHead(of: user, record, transaction, batch)
        case .keys(.backupVersionDeleted(let fact)):
            let user = try batch.user(fact.userID, transaction)
            try transaction.deletePrefix(batch.tables.backupKeys, ViewKeys.backup(user, version: fact.version))
            try update(user, fact.version, transaction, batch) { row in
                row = BackupVersionRow(algorithm: row.algorithm, authDataJSON: [])
                row.isDeleted = true
            }
            let newest = try newestVersion(of: user, transaction, batch)
            try updateHead(of: user, record, transaction, batch) { $0.current = newest }
        case .keys(.backupKeysStored(let fact)):
            let user = try batch.user(fact.userID, transaction)
            try store(fact, of: user, transaction, batch)
            try updateHead(of: user, record, transaction, batch)
        case .keys(.backupKeysRemoved(let fact)):
            let user = try batch.user(fact.userID, transaction)
            try remove(fact, of: user, transaction, batch)
            try updateHead(of: user, record, transaction, batch)
        default: return
        }
    }

    private func updateHead(
        of user: UserNum, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        _ change: (inout BackupHeadRow) -> Void = { _ in }
    ) throws {
        let key = ViewKeys.user(user)
        var head =
            try transaction.get(batch.tables.backupHeads, key) { try BackupHeadRow(reading: $0) } ?? BackupHeadRow()
        head.streamVersion = record.streamVersion
        change(&head)
        try transaction.put(batch.tables.backupHeads, key, head.encoded())
    }

    private func put(
        _ row: BackupVersionRow, _ user: UserNum, _ version: UInt64, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        try transaction.put(
            batch.tables.backupVersions, ViewKeys.backup(user, version: version), row.encoded())
    }

    private func update(
        _ user: UserNum, _ version: UInt64, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        _ change: (inout BackupVersionRow) -> Void
    ) throws {
        let key = ViewKeys.backup(user, version: version)
        guard
            var row = try transaction.get(batch.tables.backupVersions, key, { try BackupVersionRow(reading: $0) }),
            !row.isDeleted
        else { return }
        change(&row)
        try put(row, user, version, transaction, batch)
    }

    private func newestVersion(
        of user: UserNum, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> UInt64 {
        var newest: UInt64 = 0
        try transaction.forEach(batch.tables.backupVersions, prefix: ViewKeys.user(user), reversed: true) {
            key, value in
            if try BackupVersionRow(reading: value).isDeleted { return true }
            var input = ByteReader(key)
            _ = try input.readUser()
            newest = try input.readUInt64()
            return false
        }
        return newest
    }

    private func store(
        _ fact: BackupKeysStored, of user: UserNum, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        var added: UInt64 = 0
        for (roomID, sessions) in fact.rooms {
            for (sessionID, data) in sessions.objectValue ?? [:] {
                let key = ViewKeys.backupSession(user, version: fact.version, roomID: roomID, sessionID: sessionID)
                if try !transaction.contains(batch.tables.backupKeys, key) { added &+= 1 }
                try transaction.put(
                    batch.tables.backupKeys, key,
                    BackupKeyRow.encoded(roomID: roomID, sessionID: sessionID, json: data.canonicalBytes()))
            }
        }
        try update(user, fact.version, transaction, batch) { row in
            row.count &+= added
            row.etag &+= 1
        }
    }

    private func remove(
        _ fact: BackupKeysRemoved, of user: UserNum, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let prefix =
            switch (fact.roomID, fact.sessionID) {
            case (let room?, let session?):
                ViewKeys.backupSession(user, version: fact.version, roomID: room, sessionID: session)
            case (let room?, nil): ViewKeys.backupRoom(user, version: fact.version, roomID: room)
            case (nil, _): ViewKeys.backup(user, version: fact.version)
            }
        let removed = try transaction.deletePrefix(batch.tables.backupKeys, prefix)
        try update(user, fact.version, transaction, batch) { row in
            row.count = row.count > UInt64(removed) ? row.count &- UInt64(removed) : 0
            row.etag &+= 1
        }
    }
}
