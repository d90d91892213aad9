package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// The conditions under which a restricted room is joined without an invitation: `allow` of `m.room.join_rules`.
package struct AllowedRooms: Sendable, Hashable {
    /// The rooms of the conditions of type `m.room_membership`: being joined to one of them suffices.
    package let rooms: [RoomID]

    /// Reads the content of `m.room.join_rules`; nil when the join rule is none that has conditions in the room version.
    ///
    /// "If no conditions are available, or none match the required schema, then the joining server is considered to have
    /// failed all conditions."
    package init?(content: JSONObject, version: RoomVersion) {
        switch JoinRule(content: content) {
        case .restricted where version.restrictedJoin: break
        case .knockRestricted where version.knockRestricted: break
        default: return nil
        }
        var seen: Set<RoomID> = []
        rooms = (content["allow"]?.arrayValue ?? []).compactMap { condition in
            guard condition["type"]?.stringValue?.hasSameBytes(as: "m.room_membership") == true,
                let room = condition["room_id"]?.stringValue.flatMap({ RoomID($0) }), seen.insert(room).inserted
            else { return nil }
            return room
        }
    }
}
