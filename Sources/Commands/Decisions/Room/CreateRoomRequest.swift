package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// The checked body of `POST /createRoom`.
package struct CreateRoomRequest: Sendable {
    package struct InitialState: Sendable {
        package let type: String
        package let stateKey: String
        package let content: JSONObject
    }

    package var version: RoomVersion
    package var isPublic: Bool
    package var preset: RoomPreset
    package var aliasLocalpart: String?
    package var name: String?
    package var topic: String?
    package var invites: [UserID]
    /// Those of ``invites`` whose servers must sign the invitation first: they are invited when the room is there.
    package var elsewhere: Set<UserID> = []
    package var creationContent: JSONObject
    package var initialState: [InitialState]
    package var powerLevelOverride: JSONObject
    package var isDirect: Bool

    /// Reads and checks a body.
    ///
    /// - Throws: ``Rejection`` with `M_BAD_JSON`, `M_INVALID_PARAM` or `M_UNSUPPORTED_ROOM_VERSION`.
    package init(body: JSONObject, defaultVersion: RoomVersion) throws(Rejection) {
        version = defaultVersion
        if let wanted = try Self.string("room_version", in: body) {
            guard let known = RoomVersion.named(wanted), RoomVersion.supported.contains(known) else {
                throw Rejection(
                    400, "M_UNSUPPORTED_ROOM_VERSION", "This server does not support room version \(wanted.prefix(32))."
                )
            }
            version = known
        }
        let visibility = try Self.string("visibility", in: body) ?? "private"
        guard visibility == "public" || visibility == "private" else {
            throw .invalidParam("visibility must be \"public\" or \"private\".")
        }
        isPublic = visibility == "public"
        if let wanted = try Self.string("preset", in: body) {
            guard let known = RoomPreset(rawValue: wanted) else {
                throw .invalidParam("preset must be private_chat, trusted_private_chat or public_chat.")
            }
            preset = known
        } else {
            preset = RoomPreset.implied(byPublicVisibility: isPublic)
        }
        aliasLocalpart = try Self.string("room_alias_name", in: body)
        name = try Self.string("name", in: body)
        topic = try Self.string("topic", in: body)
        invites = try Self.invites(in: body)
        creationContent = try Self.object("creation_content", in: body) ?? [:]
        powerLevelOverride = try Self.object("power_level_content_override", in: body) ?? [:]
        if let direct = body["is_direct"], direct.boolValue == nil, !direct.isNull {
            throw .badJSON("is_direct must be true or false.")
        }
        isDirect = body["is_direct"]?.boolValue ?? false
        initialState = try Self.initialState(in: body)
        try checkAdditionalCreators()
        try Self.refuseThirdPartyInvites(in: body)
    }

    private static func refuseThirdPartyInvites(in body: JSONObject) throws(Rejection) {
        guard let value = body["invite_3pid"], !value.isNull else { return }
        guard let list = value.arrayValue else { throw .badJSON("invite_3pid must be a list of invitations.") }
        for entry in list {
            // "address", "id_access_token", "id_server", "medium": "Required".
            for name in ["address", "id_access_token", "id_server", "medium"] where entry[name]?.stringValue == nil {
                throw .badJSON("Each invitation of invite_3pid needs \(name), a string.")
            }
        }
        guard list.isEmpty else {
            throw Rejection(
                403, "M_THREEPID_DENIED", "This server has no identity server, so it cannot invite by e-mail or phone.")
        }
    }

    /// "additional_creators: … validated as user IDs" (room version 12, rule 1).
    private func checkAdditionalCreators() throws(Rejection) {
        guard version.privilegedCreators, let extra = creationContent["additional_creators"] else { return }
        guard let list = extra.arrayValue else {
            throw .invalidParam("additional_creators must be a list of user IDs.")
        }
        for entry in list {
            guard let text = entry.stringValue, UserID(text) != nil else {
                throw .invalidParam("additional_creators must be a list of user IDs.")
            }
        }
    }

    private static func string(_ name: String, in body: JSONObject) throws(Rejection) -> String? {
        guard let value = body[name], !value.isNull else { return nil }
        guard let text = value.stringValue else { throw .badJSON("\(name) must be a string.") }
        return text
    }

    private static func object(_ name: String, in body: JSONObject) throws(Rejection) -> JSONObject? {
        guard let value = body[name], !value.isNull else { return nil }
        guard let object = value.objectValue else { throw .badJSON("\(name) must be an object.") }
        return object
    }

    private static func invites(in body: JSONObject) throws(Rejection) -> [UserID] {
        guard let value = body["invite"], !value.isNull else { return [] }
        guard let list = value.arrayValue else { throw .badJSON("invite must be a list of user IDs.") }
        var users: [UserID] = []
        for entry in list {
            guard let text = entry.stringValue else { throw .badJSON("invite must be a list of user IDs.") }
            guard let user = UserID(text) else { throw .invalidParam("\(text.prefix(255)) is not a user ID.") }
            if !users.contains(user) { users.append(user) }
        }
        return users
    }

    private static func initialState(in body: JSONObject) throws(Rejection) -> [InitialState] {
        guard let value = body["initial_state"], !value.isNull else { return [] }
        guard let list = value.arrayValue else { throw .badJSON("initial_state must be a list of events.") }
        var states: [InitialState] = []
        for entry in list {
            guard let type = entry["type"]?.stringValue, let content = entry["content"]?.objectValue else {
                throw .badJSON("Each event of initial_state needs a type and an object as content.")
            }
            let key = entry["state_key"]
            guard key == nil || key?.stringValue != nil else { throw .badJSON("state_key must be a string.") }
            states.append(InitialState(type: type, stateKey: key?.stringValue ?? "", content: content))
        }
        return states
    }
}
