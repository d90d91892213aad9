package import CanonicalJSON
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// The "Auth events selection" algorithm of the server-server API.
package enum AuthEventSelection {
    /// The entries of the room state that belong in the `auth_events` of an event, each once, as far as they exist.
    package static func keys(
        type: String,
        sender: UserID,
        stateKey: String?,
        content: JSONObject,
        version: RoomVersion
    ) -> [(type: String, stateKey: String)] {
        // "The `auth_events` for the `m.room.create` event in a room is empty".
        if type.hasSameBytes(as: "m.room.create") { return [] }
        var keys: [(type: String, stateKey: String)] = []
        // "Depending on the room version, the `m.room.create` event."
        if !version.createNotInAuthEvents { keys.append(("m.room.create", "")) }
        // "The current `m.room.power_levels` event, if any."
        keys.append(("m.room.power_levels", ""))
        // "The sender's current `m.room.member` event, if any."
        keys.append(("m.room.member", sender.rawValue))
        if type.hasSameBytes(as: "m.room.member"), let target = stateKey {
            appendMemberKeys(target: target, sender: sender, content: content, version: version, to: &keys)
        }
        return keys
    }

    /// The entries that belong in the `auth_events` of a PDU.
    package static func keys(for pdu: PDU, version: RoomVersion) -> [(type: String, stateKey: String)] {
        keys(type: pdu.type, sender: pdu.sender, stateKey: pdu.stateKey, content: pdu.content, version: version)
    }

    private static func appendMemberKeys(
        target: String,
        sender: UserID,
        content: JSONObject,
        version: RoomVersion,
        to keys: inout [(type: String, stateKey: String)]
    ) {
        // "The target's current `m.room.member` event, if any."
        if !target.hasSameBytes(as: sender.rawValue) { keys.append(("m.room.member", target)) }
        let membership = Membership(content: content)
        // "If `membership` is `join`, `invite` or `knock`, the current `m.room.join_rules` event, if any."
        if membership == .join || membership == .invite || membership == .knock {
            keys.append(("m.room.join_rules", ""))
        }
        // "If membership is `invite` and `content` contains a `third_party_invite` property, the current
        // `m.room.third_party_invite` event with `state_key` matching `content.third_party_invite.signed.token`, if any."
        if membership == .invite, let token = content["third_party_invite"]?["signed"]?["token"]?.stringValue {
            keys.append(("m.room.third_party_invite", token))
        }
        // "If `membership` is `join`, `content.join_authorised_via_users_server` is present, and the room version supports
        // restricted rooms, then the `m.room.member` event with `state_key` matching
        // `content.join_authorised_via_users_server`."
        if membership == .join, version.restrictedJoin,
            let authoriser = content["join_authorised_via_users_server"]?.stringValue,
            !authoriser.hasSameBytes(as: sender.rawValue), !authoriser.hasSameBytes(as: target)
        {
            keys.append(("m.room.member", authoriser))
        }
    }
}
