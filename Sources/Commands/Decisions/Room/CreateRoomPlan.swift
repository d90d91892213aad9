package import CanonicalJSON
package import MatrixIdentifiers
import RoomVersions

/// The events that a new room starts with, in the order the specification gives for `POST /createRoom`.
package struct CreateRoomPlan {
    package let request: CreateRoomRequest
    let creator: UserID
    /// The creator's `displayname` and `avatar_url` for the join event.
    let profile: JSONObject
    let inviteeProfiles: [UserID: JSONObject]
    let alias: RoomAlias?
    let nowMs: Int64

    package init(
        request: CreateRoomRequest,
        creator: UserID,
        profile: JSONObject,
        inviteeProfiles: [UserID: JSONObject],
        alias: RoomAlias?,
        nowMs: Int64
    ) {
        self.inviteeProfiles = inviteeProfiles
        self.request = request
        self.creator = creator
        self.profile = profile
        self.alias = alias
        self.nowMs = nowMs
    }

    /// "1. The m.room.create event itself. Must be the first event in the room."
    package var create: EventDraft {
        var content = request.creationContent
        // "creation_content: … The server will overwrite the following keys: creator, room_version."
        content["room_version"] = .string(request.version.id)
        if request.version.createWithoutCreator {
            content.removeValue(forKey: "creator")
        } else {
            content["creator"] = .string(creator.rawValue)
        }
        if request.version.privilegedCreators, request.preset == .trustedPrivateChat, !request.invites.isEmpty {
            // "trusted_private_chat … in room version 12 and later the invitees are added to additional_creators".
            var creators = content["additional_creators"]?.arrayValue ?? []
            for user in request.invites where !creators.contains(.string(user.rawValue)) && user != creator {
                creators.append(.string(user.rawValue))
            }
            content["additional_creators"] = .array(creators)
        }
        return state("m.room.create", content)
    }

    /// All events after the create event.
    package func drafts() -> [EventDraft] {
        var drafts: [EventDraft] = []
        // "2. An m.room.member event for the creator to join the room."
        var join = profile
        join["membership"] = "join"
        drafts.append(state("m.room.member", join, key: creator.rawValue))
        // "3. A default m.room.power_levels event … Overridden by the power_level_content_override parameter."
        drafts.append(state("m.room.power_levels", powerLevels()))
        // "4. An m.room.canonical_alias event if room_alias_name is given."
        if let alias { drafts.append(state("m.room.canonical_alias", ["alias": .string(alias.rawValue)])) }
        // "5. Events set by the preset." Those that initial_state names are left to it, as it takes precedence.
        let given = Set(request.initialState.map { StateEntry($0.type, $0.stateKey) })
        let preset: [(String, String, String)] = [
            ("m.room.join_rules", "join_rule", request.preset.joinRule),
            ("m.room.history_visibility", "history_visibility", request.preset.historyVisibility),
            ("m.room.guest_access", "guest_access", request.preset.guestAccess),
        ]
        for (type, name, value) in preset where !given.contains(StateEntry(type, "")) {
            drafts.append(state(type, JSONObject([(name, .string(value))])))
        }
        // "6. Events listed in initial_state, in the order that they are listed."
        for event in request.initialState where event.type != "m.room.create" {
            drafts.append(state(event.type, event.content, key: event.stateKey))
        }
        // "7. Events implied by name and topic."
        if let name = request.name { drafts.append(state("m.room.name", ["name": .string(name)])) }
        if let topic = request.topic {
            drafts.append(
                state(
                    "m.room.topic",
                    [
                        "topic": .string(topic),
                        "m.topic": ["m.text": [["body": .string(topic), "mimetype": "text/plain"]]],
                    ]))
        }
        // "8. Invite events implied by invite and invite_3pid."
        for user in request.invites where !request.elsewhere.contains(user) {
            var content = inviteeProfiles[user] ?? [:]
            content["membership"] = "invite"
            if request.isDirect { content["is_direct"] = true }
            drafts.append(state("m.room.member", content, key: user.rawValue))
        }
        return drafts
    }

    private func powerLevels() -> JSONObject {
        var levels = request.preset.powerLevels(creator: creator, invitees: request.invites, version: request.version)
        for (name, value) in request.powerLevelOverride { levels[name] = value }
        return levels
    }

    private func state(_ type: String, _ content: JSONObject, key: String = "") -> EventDraft {
        EventDraft(type: type, stateKey: key, content: content, sender: creator, originServerTS: nowMs)
    }
}
