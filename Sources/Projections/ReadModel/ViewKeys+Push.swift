package import EventLog
package import KeyValueStore

/// Keys of push rules and pushers.
extension ViewKeys {
    /// A change of a user's push rules.
    package static func pushRule(_ user: UserNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(position.rawValue)
    }

    /// Where the last change of anybody's rules is noted: before all users.
    package static var lastPushRuleChange: StoreKey { pushRule(UserNum.none, LogPosition(rawValue: 0)) }

    /// What stands for an application with a push key.
    private static func pusherHash(appID: String, pushKey: String) -> (UInt64, UInt64) {
        FixedHash.pair(appID, pushKey)
    }

    package static func pusher(_ user: UserNum, appID: String, pushKey: String) -> StoreKey {
        let hash = pusherHash(appID: appID, pushKey: pushKey)
        return StoreKey().appending(user.rawValue).appending(hash.0).appending(hash.1)
    }

    /// What the entries of all users of a push key begin with; the user follows.
    package static func pusherUsers(appID: String, pushKey: String) -> StoreKey {
        let hash = pusherHash(appID: appID, pushKey: pushKey)
        return StoreKey(hash.0).appending(hash.1)
    }

    package static func pusherUser(appID: String, pushKey: String, _ user: UserNum) -> StoreKey {
        pusherUsers(appID: appID, pushKey: pushKey).appending(user.rawValue)
    }

    /// That a record changed a user's pushers.
    package static func pusherChange(_ position: LogPosition, _ user: UserNum) -> StoreKey {
        StoreKey(position.rawValue).appending(user.rawValue)
    }

    /// Where the last record is noted that erased something: before all rooms.
    package static var lastErasure: StoreKey { memberCount(RoomNum.none, LogPosition(rawValue: 0)) }

    /// How many members a room has from a record on.
    package static func memberCount(_ room: RoomNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(position.rawValue)
    }
}
