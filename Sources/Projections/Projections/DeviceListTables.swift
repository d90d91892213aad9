import EventLog
import KeyValueStore
import ProjectionEngine
import ReadModel

/// Whose list of devices changed when, in the order of the log.
struct DeviceListTables {
    private let position: LogPosition
    private let epoch: UInt64
    private let batch: BatchContext

    init(_ record: DecodedRecord, _ batch: BatchContext) {
        position = record.position
        epoch = record.epoch
        self.batch = batch
    }

    /// The same of a user of this server, with what changed: other servers are told of each change, in order.
    ///
    /// - Parameter signingKeys: whether the master or the self-signing key changed.
    func changed(
        _ user: UserNum, devices: [String], signingKeys: Bool = false, _ transaction: borrowing WriteTransaction
    ) throws {
        let table = batch.tables.keysListHistory
        let key = ViewKeys.listHistory(user, position)
        var row = try transaction.get(table, key) { try ListHistoryRow(reading: $0) } ?? ListHistoryRow(epoch: epoch)
        for device in devices where !row.deviceIDs.contains(where: { $0.utf8.elementsEqual(device.utf8) }) {
            row.deviceIDs.append(device)
        }
        if signingKeys { row.isSigningKeysChanged = true }
        try transaction.put(table, key, row.encoded())
        try changed(user, transaction)
    }

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
