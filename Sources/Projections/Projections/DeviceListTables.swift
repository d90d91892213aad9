import EventLog
import KeyValueStore
import ProjectionEngine
import ReadModel

/// Whose list of devices changed when, in the order of the log.
struct DeviceListTables {
    let position: LogPosition
    let batch: BatchContext

    /// Everybody who shares a room with the user must look again. Of a user only the latest change is kept.
    func changed(_ user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        let tables = batch.tables
        let key = ViewKeys.user(user)
        let before = try transaction.get(tables.keysLists, key) { bytes in
            var input = ByteReader(bytes)
            return try input.readPosition()
        }
        if before == position { return }
        if let before { try transaction.delete(tables.keysListChanges, ViewKeys.listChange(before, user)) }
        try transaction.put(tables.keysLists, key, StoreKey(position.rawValue))
        try transaction.put(tables.keysListChanges, ViewKeys.listChange(position, user), StoreKey())
        batch.touched.users.insert(user)
        // Only who is woken depends on it, no row.
        try transaction.forEach(tables.membershipsByUser, prefix: key) { key, value in
            guard try MembershipRow(reading: value).membership == .join else { return true }
            var input = ByteReader(key)
            _ = try input.readUser()
            batch.touched.rooms.insert(try input.readRoom())
            return true
        }
    }

    /// What one user may see of another changed.
    func changed(_ target: UserNum, for viewer: UserNum, _ transaction: borrowing WriteTransaction) throws {
        try transaction.put(
            batch.tables.keysViewerChanges, ViewKeys.viewerChange(viewer, position, target), StoreKey())
        batch.touched.users.insert(viewer)
    }
}
