import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
import ReadModel

/// Whether a user lets others invite them (invite permission module).
extension Snapshot {
    /// The account data that says so, under its name and the one it had before it was specified.
    private static let invitePermissionTypes = [
        "m.invite_permission_config", "org.matrix.msc4380.invite_permission_config",
    ]

    /// "add an `m.invite_permission_config` event in the user's account data with the `default_action` property set to `block`"
    func blocksInvites(_ user: UserNum) throws -> Bool {
        for type in Self.invitePermissionTypes {
            guard let row = try accountData(user, .none, type) else { continue }
            if try JSONValueReader.object(row.contentJSON)?["default_action"]?.stringValue == "block" { return true }
        }
        return false
    }

    /// Whether an invitation is kept from a user's clients: "Servers must not send room invites from ignored users to
    /// clients", and "invite events for this user already in the database […] MUST NOT be served over client
    /// synchronisation endpoints" when the user blocks invites.
    func hidesInvite(from sender: UserNum, to user: UserNum, ignoring ignored: Set<UserNum>) throws -> Bool {
        if ignored.contains(sender) { return true }
        return try blocksInvites(user)
    }
}

extension AccountQueries {
    /// Whether a user of this server refuses every invitation.
    package func blocksInvites(_ user: UserID) throws -> Bool {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return false }
            return try snapshot.blocksInvites(number)
        }
    }
}
