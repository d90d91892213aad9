package import CanonicalJSON
package import Decisions
package import MatrixIdentifiers
package import RoomVersions

/// Takes invitations of users of this server to rooms that nobody here is in.
package protocol InvitationIntake: Sendable {
    /// Records an invitation that has passed all checks as the user's own; returns when that is durable and readable.
    ///
    /// - Throws: `Rejection` for an invitation that is not taken; `AppendFault`.
    func take(_ invitation: ReceivedInvitation) async throws
}

/// An invitation from another server, checked, and signed by both.
package struct ReceivedInvitation: Sendable {
    package let room: RoomID
    package let version: RoomVersion
    /// Who is invited.
    package let user: UserID
    package let event: HeldPDU
    /// The stripped state that helps to identify the room, each entry with `content`, `sender`, `state_key` and `type`.
    package let roomState: [JSONObject]
    /// The server that sent it.
    package let origin: ServerName
    package let requestID: String

    package init(
        room: RoomID, version: RoomVersion, user: UserID, event: HeldPDU, roomState: [JSONObject], origin: ServerName,
        requestID: String
    ) {
        self.room = room
        self.version = version
        self.user = user
        self.event = event
        self.roomState = roomState
        self.origin = origin
        self.requestID = requestID
    }
}
