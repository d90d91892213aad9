package import EventLog
package import KeyValueStore

/// Keys of the tables of end-to-end encryption.
extension ViewKeys {
    /// A device in 12 bytes: its user, and a hash of its id so that the keys behind it have a fixed shape.
    package static func stock(_ user: UserNum, _ deviceID: String) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(FixedHash.pair(deviceID).0)
    }

    package static func oneTimeKeys(_ user: UserNum, _ deviceID: String, algorithm: String) -> StoreKey {
        stock(user, deviceID).appending(FixedHash.pair(algorithm).0)
    }

    /// In the order of the uploads.
    package static func oneTimeKey(
        _ user: UserNum, _ deviceID: String, algorithm: String, _ place: OneTimeKeyPlace
    ) -> StoreKey {
        oneTimeKeys(user, deviceID, algorithm: algorithm).appending(place.position.rawValue).appending(place.index)
    }

    /// - Parameter name: `<algorithm>:<key id>`.
    package static func oneTimeKeyByName(_ user: UserNum, _ deviceID: String, name: String) -> StoreKey {
        let hash = FixedHash.pair(name)
        return stock(user, deviceID).appending(hash.0).appending(hash.1)
    }

    /// - Parameter publicKey: what makes a one-time key the same key, whatever its id.
    package static func spentKey(
        _ user: UserNum, _ deviceID: String, algorithm: String, publicKey: String
    ) -> StoreKey {
        let hash = FixedHash.pair(algorithm, publicKey)
        return stock(user, deviceID).appending(hash.0).appending(hash.1)
    }

    package static func crossSigning(_ user: UserNum, _ usage: CrossSigningUsage) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(usage.rawValue)
    }

    package static func foreignSignatures(by signer: UserNum, of target: UserNum) -> StoreKey {
        StoreKey().appending(signer.rawValue).appending(target.rawValue)
    }

    package static func listChange(_ position: LogPosition, _ user: UserNum) -> StoreKey {
        StoreKey(position.rawValue).appending(user.rawValue)
    }

    package static func viewerChange(_ viewer: UserNum, _ position: LogPosition, _ target: UserNum) -> StoreKey {
        StoreKey().appending(viewer.rawValue).appending(position.rawValue).appending(target.rawValue)
    }

    package static func sharingChange(_ room: RoomNum, _ position: LogPosition, _ user: UserNum) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(position.rawValue).appending(user.rawValue)
    }

    package static func toDevice(_ user: UserNum, _ deviceID: String, _ position: LogPosition) -> StoreKey {
        stock(user, deviceID).appending(position.rawValue)
    }

    package static func toDeviceTransaction(user: String, deviceID: String, transactionID: String) -> StoreKey {
        let hash = FixedHash.pair(user, deviceID, transactionID)
        return StoreKey(hash.0).appending(hash.1)
    }

    package static func backup(_ user: UserNum, version: UInt64) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(version)
    }

    package static func backupRoom(_ user: UserNum, version: UInt64, roomID: String) -> StoreKey {
        backup(user, version: version).appending(FixedHash.pair(roomID).0)
    }

    package static func backupSession(
        _ user: UserNum, version: UInt64, roomID: String, sessionID: String
    ) -> StoreKey {
        let hash = FixedHash.pair(sessionID)
        return backupRoom(user, version: version, roomID: roomID).appending(hash.0).appending(hash.1)
    }
}

/// When a one-time key was uploaded: the record, and which of its keys it is.
package struct OneTimeKeyPlace: Hashable, Sendable {
    package var position: LogPosition
    package var index: UInt32

    package init(position: LogPosition, index: UInt32) {
        self.position = position
        self.index = index
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        position = try input.readPosition()
        index = try input.readUInt32()
    }

    package func encoded() -> StoreKey { StoreKey(position.rawValue).appending(index) }
}

/// The cross-signing keys of a user, as one byte of a key.
package enum CrossSigningUsage: UInt8, Sendable, Hashable, CaseIterable {
    case master = 1
    case selfSigning = 2
    case userSigning = 3
}
