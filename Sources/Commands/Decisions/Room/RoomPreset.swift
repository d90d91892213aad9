package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// "preset: Convenience parameter for setting various default state events based on a preset." (createRoom)
package enum RoomPreset: String, Sendable, CaseIterable {
    case privateChat = "private_chat"
    case trustedPrivateChat = "trusted_private_chat"
    case publicChat = "public_chat"

    /// "If unspecified, the server should use the visibility to determine which preset to use. A visibility of public
    /// equates to a preset of public_chat and private visibility equates to a preset of private_chat."
    package static func implied(byPublicVisibility isPublic: Bool) -> RoomPreset {
        isPublic ? .publicChat : .privateChat
    }

    package var joinRule: String { self == .publicChat ? "public" : "invite" }
    package var historyVisibility: String { "shared" }
    package var guestAccess: String { self == .publicChat ? "forbidden" : "can_join" }

    /// The power levels a room starts with, before `power_level_content_override`.
    ///
    /// `invitees` get the creator's level in a `trusted_private_chat`; in versions with privileged creators nobody who is
    /// a creator may be named in `users`.
    package func powerLevels(creator: UserID, invitees: [UserID], version: RoomVersion) -> JSONObject {
        var users: JSONObject = [:]
        if !version.privilegedCreators {
            users[creator.rawValue] = 100
            if self == .trustedPrivateChat {
                for user in invitees { users[user.rawValue] = 100 }
            }
        }
        return [
            "ban": 50,
            "events": [
                "m.room.avatar": 50,
                "m.room.canonical_alias": 50,
                "m.room.encryption": 100,
                "m.room.history_visibility": 100,
                "m.room.name": 50,
                "m.room.power_levels": 100,
                "m.room.server_acl": 100,
                // "the default power level for tombstones is 150" where creators stand above every level (v12).
                "m.room.tombstone": version.privilegedCreators ? 150 : 100,
            ],
            "events_default": 0,
            "historical": 100,
            "invite": self == .publicChat ? 50 : 0,
            "kick": 50,
            "redact": 50,
            "state_default": 50,
            "users": .object(users),
            "users_default": 0,
        ]
    }
}
