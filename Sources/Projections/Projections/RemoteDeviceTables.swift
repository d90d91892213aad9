import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

/// What other servers say of their users' devices, in the same tables as our own users' keys.
struct RemoteDeviceTables {
    private let record: DecodedRecord
    private let tables: ViewTables
    private let lists: DeviceListTables

    init(_ record: DecodedRecord, _ batch: BatchContext) {
        self.record = record
        tables = batch.tables
        lists = DeviceListTables(record, batch)
    }

    func apply(
        _ fact: FederationFact, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch fact {
        case .remoteDevicesLearned(let fact): try learn(fact, try batch.user(fact.userID, transaction), transaction)
        case .remoteDeviceUpdated(let fact): try update(fact, try batch.user(fact.userID, transaction), transaction)
        case .remoteDevicesOutdated(let fact):
            let user = try batch.user(fact.userID, transaction)
            if var row = try row(of: user, transaction) {
                row.isOutdated = true
                try put(row, of: user, transaction)
            }
            try lists.changed(user, transaction)
        case .remoteSigningKeysUpdated(let fact):
            let user = try batch.user(fact.userID, transaction)
            // Of whom nothing is known, nothing is known afterwards: what is kept is whole.
            if try row(of: user, transaction) != nil {
                if fact.master != nil { try set(fact.master, .master, user, transaction) }
                if fact.selfSigning != nil { try set(fact.selfSigning, .selfSigning, user, transaction) }
            }
            try lists.changed(user, transaction)
        case .toDeviceForwarded, .toDeviceReceived, .relayPromised: return
        }
    }

    private func row(of user: UserNum, _ transaction: borrowing WriteTransaction) throws -> RemoteUserRow? {
        try transaction.get(tables.keysRemoteUsers, ViewKeys.user(user)) { try RemoteUserRow(reading: $0) }
    }

    private func put(_ row: RemoteUserRow, of user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        try transaction.put(tables.keysRemoteUsers, ViewKeys.user(user), row.encoded())
    }

    private func learn(
        _ fact: RemoteDevicesLearned, _ user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        let old = try row(of: user, transaction)
        let before = old == nil ? [] : try contents(of: user, transaction)
        try transaction.deletePrefix(tables.keysDevices, ViewKeys.user(user))
        for device in fact.devices { try put(device, of: user, transaction) }
        try set(fact.master, .master, user, transaction)
        try set(fact.selfSigning, .selfSigning, user, transaction)
        var row = RemoteUserRow()
        row.learnedAt = record.position
        row.note(fact.streamID)
        try put(row, of: user, transaction)
        // Whoever was told that the list is out of date, or asked for it first, need not be told again.
        if let old, !old.isOutdated, try contents(of: user, transaction) != before {
            try lists.changed(user, transaction)
        }
    }

    private func update(
        _ fact: RemoteDeviceUpdated, _ user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        if var row = try row(of: user, transaction) {
            row.note(fact.streamID)
            try put(row, of: user, transaction)
            if fact.isDeleted {
                try transaction.delete(tables.keysDevices, ViewKeys.device(user, fact.device.deviceID))
            } else {
                try put(fact.device, of: user, transaction)
            }
        }
        try lists.changed(user, transaction)
    }

    private func put(
        _ device: RemoteDevice, of user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        let row = KeyDeviceRow.encoded(
            nameJSON: device.displayName.map { JSONValue.string($0).canonicalBytes() } ?? [],
            keysJSON: device.keys?.canonicalBytes() ?? [])
        try transaction.put(tables.keysDevices, ViewKeys.device(user, device.deviceID), row)
    }

    private func set(
        _ key: JSONObject?, _ usage: CrossSigningUsage, _ user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        let place = ViewKeys.crossSigning(user, usage)
        if let key {
            try transaction.put(tables.keysCrossSigning, place, key.canonicalBytes())
        } else {
            try transaction.delete(tables.keysCrossSigning, place)
        }
    }

    /// Everything that others see of the user.
    private func contents(of user: UserNum, _ transaction: borrowing WriteTransaction) throws -> [[UInt8]] {
        var contents: [[UInt8]] = []
        for table in [tables.keysDevices, tables.keysCrossSigning] {
            try transaction.forEach(table, prefix: ViewKeys.user(user)) { key, value in
                contents.append(Array(key))
                contents.append(Array(value))
                return true
            }
        }
        return contents
    }
}
