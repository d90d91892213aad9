package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// The creators that a room's create event names.
package struct RoomCreators: Sendable, Hashable {
    /// The user IDs; before v12 exactly one, unless the create event names none.
    package let userIDs: [UserID]

    /// Reads the creators from the create event.
    package init(create: PDU, version: RoomVersion) {
        self.init(sender: create.sender, content: create.content, version: version)
    }

    /// Reads the creators from the sender and the content of a create event, which need not be signed yet.
    package init(sender: UserID, content: JSONObject, version: RoomVersion) {
        guard version.createWithoutCreator else {
            // v1 to v10: the creator is what `content.creator` says.
            userIDs = content["creator"]?.stringValue.flatMap { UserID($0) }.map { [$0] } ?? []
            return
        }
        var all = [sender]
        // v12: "The user ID denoted by the `sender` of the `m.room.create` event in the room. Any user IDs contained in
        // the `additional_creators` array in `content`"
        if version.privilegedCreators, let additional = content["additional_creators"]?.arrayValue {
            all += additional.compactMap { $0.stringValue.flatMap { UserID($0) } }
        }
        userIDs = all
    }

    /// Whether the user created the room.
    package func contains(_ user: UserID) -> Bool { userIDs.contains(user) }
}
