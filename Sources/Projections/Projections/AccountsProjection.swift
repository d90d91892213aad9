package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps local accounts, their devices and tokens, and registration tokens.
package struct AccountsProjection: Projection {
    package let name = "accounts"
    package let version: UInt32 = 1
    package let readsPDUs = false
    package let tables: [ViewTable] = [
        .accountsRows, .accountsDevices, .accountsTokens, .accountsRefreshTokens, .accountsRegistrationTokens,
        .accountsByName,
    ]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let devices = DeviceTables(tables: batch.tables)
        switch record.fact {
        case .accountRegistered(let fact):
            try register(fact, record, transaction, batch)
        case .passwordChanged(let fact):
            try update(fact.userID, transaction, batch) { $0.passwordHash = fact.passwordHash }
        case .guestUpgraded(let fact): try upgrade(fact, transaction, batch)
        case .accountDeactivated(let fact):
            let user = try update(fact.userID, transaction, batch) { row in
                row.passwordHash = nil
                row.flags.insert(.deactivated)
                if fact.erase { row.flags.insert(.erased) }
            }
            try devices.removeAll(of: user, transaction)
            batch.touched.tokensRevoked.insert(user)
        case .accountFlagsChanged(let fact):
            let user = try update(fact.userID, transaction, batch) { row in
                Self.set(.admin, fact.isAdmin, in: &row.flags)
                Self.set(.locked, fact.isLocked, in: &row.flags)
                Self.set(.suspended, fact.isSuspended, in: &row.flags)
            }
            batch.touched.users.insert(user)
        case .deviceRegistered(let fact):
            let user = try batch.user(fact.userID, transaction)
            try devices.register(fact, user, atMs: record.wallTimeMs, transaction)
            batch.touched.users.insert(user)
            batch.touched.tokensRevoked.insert(user)
        case .tokensRefreshed(let fact):
            let user = try batch.user(fact.userID, transaction)
            try devices.refresh(fact, user, transaction)
            batch.touched.tokensRevoked.insert(user)
        case .deviceRenamed(let fact):
            let user = try batch.user(fact.userID, transaction)
            try devices.update(user, fact.deviceID, transaction) { $0.displayName = fact.displayName }
            batch.touched.users.insert(user)
        case .devicesRemoved(let fact):
            let user = try batch.user(fact.userID, transaction)
            for deviceID in fact.deviceIDs { try devices.remove(user, deviceID, transaction) }
            batch.touched.users.insert(user)
            batch.touched.tokensRevoked.insert(user)
        case .keys(.dehydratedDeviceSet(let fact)):
            let user = try batch.user(fact.userID, transaction)
            try devices.addWithoutLogin(
                fact.deviceID, named: fact.displayName, user, atMs: record.wallTimeMs, transaction)
            batch.touched.users.insert(user)
        case .devicesSeen(let sightings):
            for sighting in sightings {
                let user = try batch.user(sighting.userID, transaction)
                try devices.update(user, sighting.deviceID, transaction) { row in
                    row.lastSeenMs = sighting.timestampMs
                    row.lastSeenIP = sighting.ip
                    row.lastSeenUserAgent = sighting.userAgent
                }
            }
        case .registrationTokenSet(let fact):
            let key = ViewKeys.text(fact.token)
            if fact.removed {
                try transaction.delete(batch.tables.accountsRegistrationTokens, key)
            } else {
                try updateRegistrationToken(fact.token, transaction, batch, orCreate: true) { row in
                    row.usesAllowed = fact.usesAllowed
                    row.expiresAtMs = fact.expiresAtMs
                }
            }
        default: return
        }
    }
}
