import EventLog
package import ReadModel

/// Answers `/keys/changes`.
package struct DeviceListQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// Users whose keys changed after a token, and users with whom no room is shared any more.
    ///
    /// The end of the question "may be used by the server as a hint": the answer goes up to now.
    ///
    /// - Throws: ``QueryRefusal`` for a token of another epoch.
    package func changes(since token: SyncToken, asker: Asker) throws -> (changed: [String], left: [String]) {
        try views.snapshot { snapshot in
            let since = try token.checked(epoch: asker.epoch, head: snapshot.newest.rawValue)
            let changes = try DeviceListChanges(
                snapshot, of: asker.identity.userNum, after: .init(rawValue: since.position))
            return (try snapshot.names(of: changes.changed), try snapshot.names(of: changes.left))
        }
    }
}

extension Snapshot {
    /// User ids, in the order of their numbers.
    func names(of users: Set<UserNum>) throws -> [String] {
        try users.sorted().map { String(decoding: try text($0), as: UTF8.self) }
    }
}
