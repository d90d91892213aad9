import CanonicalJSON
import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps users' pushers, and which records changed whose.
package struct PushersProjection: Projection {
    package let name = "pushers"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [.pushersRows, .pushersByKey, .pushersChanges]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .pusherSet(let fact): try set(fact, record, transaction, batch)
        case .pusherRemoved(let fact):
            let user = try batch.user(fact.userID, transaction)
            try remove(appID: fact.appID, pushKey: fact.pushKey, of: user, record.position, transaction, batch)
        case .devicesRemoved(let fact):
            let devices = Set(fact.deviceIDs)
            try removeAll(of: fact.userID, record.position, transaction, batch) { row in
                row.deviceID.map { devices.contains($0) } ?? false
            }
        case .accountDeactivated(let fact):
            try removeAll(of: fact.userID, record.position, transaction, batch) { _ in true }
        default: return
        }
    }

    private func set(
        _ fact: PusherSet, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(fact.userID, transaction)
        // "Otherwise, the homeserver must remove any other pushers with the same App ID and pushkey for different users."
        if !fact.isAppended {
            for other in try users(of: fact, transaction, batch) where other != user {
                try remove(appID: fact.appID, pushKey: fact.pushKey, of: other, record.position, transaction, batch)
            }
        }
        let key = ViewKeys.pusher(user, appID: fact.appID, pushKey: fact.pushKey)
        let old = try transaction.get(batch.tables.pushersRows, key) { try PusherRow(reading: $0) }
        let row = PusherRow(
            since: old?.since ?? record.position, position: record.position, changedMs: record.wallTimeMs,
            deviceID: fact.deviceID, appID: fact.appID, pushKey: fact.pushKey, json: fact.pusher.canonicalBytes())
        try transaction.put(batch.tables.pushersRows, key, row.encoded())
        let userKey = ViewKeys.pusherUser(appID: fact.appID, pushKey: fact.pushKey, user)
        try transaction.put(batch.tables.pushersByKey, userKey, StoreKey())
        try note(user, record.position, transaction, batch)
    }

    private func users(
        of fact: PusherSet, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> [UserNum] {
        var users: [UserNum] = []
        let prefix = ViewKeys.pusherUsers(appID: fact.appID, pushKey: fact.pushKey)
        try transaction.forEach(batch.tables.pushersByKey, prefix: prefix) { key, _ in
            var input = ByteReader(key)
            _ = try input.readSlice(count: 16)
            users.append(try input.readUser())
            return true
        }
        return users
    }

    private func removeAll(
        of userID: String, _ position: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        where isGone: (PusherRow) -> Bool
    ) throws {
        let user = try batch.user(userID, transaction)
        var rows: [PusherRow] = []
        try transaction.forEach(batch.tables.pushersRows, prefix: ViewKeys.user(user)) { _, value in
            rows.append(try PusherRow(reading: value))
            return true
        }
        for row in rows where isGone(row) {
            try remove(appID: row.appID, pushKey: row.pushKey, of: user, position, transaction, batch)
        }
    }

    private func remove(
        appID: String, pushKey: String, of user: UserNum, _ position: LogPosition,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let key = ViewKeys.pusher(user, appID: appID, pushKey: pushKey)
        guard try transaction.delete(batch.tables.pushersRows, key) else { return }
        try transaction.delete(
            batch.tables.pushersByKey, ViewKeys.pusherUser(appID: appID, pushKey: pushKey, user))
        try note(user, position, transaction, batch)
    }

    private func note(
        _ user: UserNum, _ position: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        try transaction.put(batch.tables.pushersChanges, ViewKeys.pusherChange(position, user), StoreKey())
        batch.touched.users.insert(user)
    }
}
