import CanonicalJSON
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// The events that users want sent later.
package struct DelayedEventQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// A delayed event, scheduled or not; nil when there is none, or none any more.
    package func event(_ delayID: String) throws -> DelayedEventRow? {
        try views.snapshot { try $0.delayedEvent(key: ViewKeys.delayedEvent(delayID)) }
    }

    /// The scheduled events of a user "in chronological order of their intended send time".
    package func scheduled(of user: UserID) throws -> [DelayedEventRow] {
        try views.snapshot { snapshot in
            guard let user = try snapshot.number(of: user) else { return [] }
            return try snapshot.delayedEvents(snapshot.tables[.delayedByUser], prefix: ViewKeys.user(user))
        }
    }

    /// The event that a client's transaction scheduled.
    package func transaction(user: UserID, deviceID: String, transactionID: String, room: RoomID) throws -> String? {
        try views.snapshot { snapshot in
            let key = ViewKeys.delayedTransaction(
                user: user.rawValue, deviceID: deviceID, transactionID: transactionID, room: room.rawValue)
            guard let name = try snapshot.get(snapshot.tables[.delayedTransactions], key) else { return nil }
            return try snapshot.delayedEvent(key: StoreKey().appending(name))?.delayID
        }
    }

    /// The events whose time has come, the one that was due first at the front.
    package func due(atMs now: Int64, limit: Int) throws -> [DelayedEventRow] {
        try views.snapshot { snapshot in
            var names: [StoreKey] = []
            let end = StoreKey(UInt64(clamping: now)).appending(UInt64.max)
            try snapshot.forEach(snapshot.tables[.delayedDue], to: end) { _, name in
                names.append(StoreKey().appending(name))
                return names.count < limit
            }
            return try names.compactMap { try snapshot.delayedEvent(key: $0) }
        }
    }

    /// The scheduled events for one entry of a room's state.
    package func scheduled(for room: RoomID, type: String, stateKey: String) throws -> [DelayedEventRow] {
        try views.snapshot { snapshot in
            let prefix = ViewKeys.delayedState(room.rawValue, type, stateKey)
            return try snapshot.delayedEvents(snapshot.tables[.delayedByState], prefix: prefix)
        }
    }
}

extension Snapshot {
    fileprivate func delayedEvent(key: StoreKey) throws -> DelayedEventRow? {
        try get(tables[.delayedRows], key).map { try DelayedEventRow(reading: $0) }
    }

    fileprivate func delayedEvents(_ table: StoreTable, prefix: StoreKey) throws -> [DelayedEventRow] {
        var names: [StoreKey] = []
        try forEach(table, prefix: prefix) { _, name in
            names.append(StoreKey().appending(name))
            return true
        }
        return try names.compactMap { try delayedEvent(key: $0) }
    }
}
