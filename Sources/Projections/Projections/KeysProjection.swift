import CanonicalJSON
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps what devices and users published of their keys, the one-time keys that nobody has yet, and whose list of devices
/// changed when.
package struct KeysProjection: Projection {
    package let name = "keys"
    package let version: UInt32 = 2
    package let readsPDUs = false
    package let tables: [ViewTable] = [
        .keysDevices, .keysStocks, .keysOneTime, .keysOneTimeByID, .keysSpent, .keysCrossSigning, .keysSignatures,
        .keysLists, .keysListChanges, .keysViewerChanges, .dehydratedDevices, .keysListHistory, .keysRemoteUsers,
    ]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .deviceRegistered(let fact):
            let user = try batch.user(fact.userID, transaction)
            try DeviceKeyTables(record, batch).add(fact.deviceID, named: fact.displayName, of: user, transaction)
        case .deviceRenamed(let fact):
            let user = try batch.user(fact.userID, transaction)
            try DeviceKeyTables(record, batch).rename(fact.deviceID, to: fact.displayName, of: user, transaction)
        case .devicesRemoved(let fact):
            let user = try batch.user(fact.userID, transaction)
            for deviceID in fact.deviceIDs {
                try DeviceKeyTables(record, batch).remove(deviceID, of: user, transaction)
            }
        case .accountDeactivated(let fact):
            let user = try batch.user(fact.userID, transaction)
            try DeviceKeyTables(record, batch).removeAll(of: user, transaction)
            try SigningKeyTables(record, batch).removeAll(of: user, transaction)
            try transaction.delete(batch.tables.dehydratedDevices, ViewKeys.user(user))
        case .epochOpened:
            try OneTimeKeyTables(tables: batch.tables).burnAll(transaction)
        case .keys(let fact):
            try apply(fact, record, transaction, batch)
        case .federation(let fact):
            try RemoteDeviceTables(record, batch).apply(fact, transaction, batch)
        default: return
        }
    }

    private func apply(
        _ fact: KeyFact, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch fact {
        case .deviceKeysUploaded(let fact):
            let user = try batch.user(fact.userID, transaction)
            try DeviceKeyTables(record, batch).upload(fact, of: user, transaction)
        case .oneTimeKeyClaimed(let fact):
            let user = try batch.user(fact.userID, transaction)
            let keys = OneTimeKeyTables(tables: batch.tables)
            try keys.claim(fact, of: user, streamVersion: record.streamVersion, transaction)
        case .fallbackKeyUsed(let fact):
            let user = try batch.user(fact.userID, transaction)
            let keys = OneTimeKeyTables(tables: batch.tables)
            try keys.use(fact, of: user, streamVersion: record.streamVersion, transaction)
        case .crossSigningKeysSet(let fact):
            let user = try batch.user(fact.userID, transaction)
            try SigningKeyTables(record, batch).set(fact, of: user, transaction)
        case .keySignaturesAdded(let fact):
            let signer = try batch.user(fact.signer, transaction)
            let target = try batch.user(fact.target, transaction)
            try SigningKeyTables(record, batch).add(fact, by: signer, to: target, transaction)
        case .dehydratedDeviceSet(let fact):
            let user = try batch.user(fact.userID, transaction)
            let row = DehydratedDeviceRow(deviceID: fact.deviceID, dataJSON: fact.deviceData.canonicalBytes())
            try transaction.put(batch.tables.dehydratedDevices, ViewKeys.user(user), row.encoded())
            try DeviceKeyTables(record, batch).add(fact.deviceID, named: fact.displayName, of: user, transaction)
        case .dehydratedDeviceRemoved(let fact):
            let user = try batch.user(fact.userID, transaction)
            try transaction.delete(batch.tables.dehydratedDevices, ViewKeys.user(user))
        case .toDeviceSent, .toDeviceAcknowledged, .backupVersionCreated, .backupVersionChanged,
            .backupVersionDeleted, .backupKeysStored, .backupKeysRemoved:
            return
        }
    }
}
