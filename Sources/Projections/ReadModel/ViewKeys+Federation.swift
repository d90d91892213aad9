package import EventLog
package import KeyValueStore

/// Keys of the tables about other servers.
extension ViewKeys {
    /// A server in a room; the room alone is the key of where its servers changed last.
    package static func serverInRoom(_ room: RoomNum, _ server: some StoreBytes) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(server)
    }

    /// What all rooms of a server begin with. No server name contains the byte behind it.
    package static func roomsOfServer(_ server: some StoreBytes) -> StoreKey {
        StoreKey().appending(server).appending(UInt8(0xff))
    }

    package static func roomOfServer(_ server: some StoreBytes, _ room: RoomNum) -> StoreKey {
        roomsOfServer(server).appending(room.rawValue)
    }

    package static func listHistory(_ user: UserNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(position.rawValue)
    }

    package static func toDeviceReceived(origin: String, messageID: String) -> StoreKey {
        let hash = FixedHash.pair(origin, messageID)
        return StoreKey(hash.0).appending(hash.1)
    }
}
