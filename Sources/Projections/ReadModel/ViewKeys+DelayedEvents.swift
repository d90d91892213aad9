import EventLog
package import KeyValueStore

/// Keys of delayed events.
extension ViewKeys {
    package static func delayedEvent(_ delayID: String) -> StoreKey { text(delayID) }

    /// A scheduled event by the time when it is due.
    package static func delayedDue(_ dueMs: Int64, _ delayID: String) -> StoreKey {
        StoreKey(UInt64(clamping: dueMs)).appending(text(delayID))
    }

    package static func delayedByUser(_ user: UserNum, _ dueMs: Int64, _ delayID: String) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(delayedDue(dueMs, delayID))
    }

    /// One that was sent or never will be, by when that was.
    package static func delayedFinished(_ user: UserNum, _ atMs: Int64, _ delayID: String) -> StoreKey {
        delayedByUser(user, atMs, delayID)
    }

    /// What the scheduled events for one entry of a room's state begin with; their IDs follow.
    package static func delayedState(_ room: String, _ type: String, _ stateKey: String) -> StoreKey {
        let hash = FixedHash.pair(room, type, stateKey)
        return StoreKey(hash.0).appending(hash.1)
    }

    package static func delayedState(_ room: String, _ type: String, _ stateKey: String, _ delayID: String) -> StoreKey
    {
        delayedState(room, type, stateKey).appending(text(delayID))
    }
}
