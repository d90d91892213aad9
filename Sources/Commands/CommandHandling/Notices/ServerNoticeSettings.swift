package import MatrixIdentifiers

/// The section `server_notices`: who tells users what the server has to tell them, and in what kind of room.
package struct ServerNoticeSettings: Sendable {
    /// `system_mxid_localpart`.
    package let userID: UserID
    /// `system_mxid_display_name`.
    package var displayName: String?
    /// `system_mxid_avatar_url`.
    package var avatarURL: String?
    package var roomName = "Server Notices"
    package var roomAvatarURL: String?
    package var roomTopic: String?
    /// `auto_join`: whether users find themselves in the room instead of being invited.
    package var joinsAutomatically = false

    package init(userID: UserID) {
        self.userID = userID
    }
}
