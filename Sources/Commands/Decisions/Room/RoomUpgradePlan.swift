package import CanonicalJSON
import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// The events of the room that replaces another ("Room upgrades", server behaviour).
package struct RoomUpgradePlan: Sendable {
    package let version: RoomVersion
    /// Who upgrades, and thereby creates the new room.
    let creator: UserID
    let additionalCreators: [UserID]
    let oldRoom: RoomID
    let oldVersion: RoomVersion
    /// The creator's `displayname` and `avatar_url` for the join event.
    let profile: JSONObject
    let nowMs: Int64

    package init(
        version: RoomVersion,
        creator: UserID,
        additionalCreators: [UserID],
        oldRoom: RoomID,
        oldVersion: RoomVersion,
        profile: JSONObject,
        nowMs: Int64
    ) {
        self.version = version
        self.creator = creator
        self.additionalCreators = version.privilegedCreators ? additionalCreators : []
        self.oldRoom = oldRoom
        self.oldVersion = oldVersion
        self.profile = profile
        self.nowMs = nowMs
    }

    /// "the recommended state events to transfer are: …"; the power levels come last, see
    /// ``drafts(transferred:powerLevels:bans:)``.
    package static let transferred = [
        "m.room.server_acl", "m.room.encryption", "m.room.name", "m.room.avatar", "m.room.topic", "m.room.guest_access",
        "m.room.history_visibility", "m.room.join_rules",
    ]

    /// "Creates a replacement room with a m.room.create event containing a predecessor field, the applicable room_version,
    /// and a type field which is copied from the predecessor room."
    ///
    /// - Parameters:
    ///   - oldCreate: the content of the old room's create event.
    ///   - tombstone: "When upgrading to room version 12 or later, the event_id property inside predecessor MAY be
    ///     omitted": there the new room's ID is known only after its create event, and the tombstone names that ID.
    package func create(oldCreate: JSONObject, tombstone: EventID?) -> EventDraft {
        var content: JSONObject = ["room_version": .string(version.id)]
        var predecessor: JSONObject = ["room_id": .string(oldRoom.rawValue)]
        if let tombstone { predecessor["event_id"] = .string(tombstone.rawValue) }
        content["predecessor"] = .object(predecessor)
        for name in ["type", "m.federate"] { content[name] = oldCreate[name] }
        if !version.createWithoutCreator { content["creator"] = .string(creator.rawValue) }
        if !additionalCreators.isEmpty {
            content["additional_creators"] = .array(additionalCreators.map { .string($0.rawValue) })
        }
        return draft("m.room.create", content)
    }

    /// The events after the create event.
    ///
    /// The power levels come behind the state they guard: who upgrades may have less power in the old room than its state
    /// asks for in the new one. Bans come before them for the same reason.
    ///
    /// - Parameters:
    ///   - state: what is carried over, by type and state key, without power levels and members.
    ///   - powerLevels: the content of the old room's power levels, if it has any.
    ///   - bans: the users banned from the old room with their bans' reasons.
    package func drafts(
        transferred state: [(StateEntry, JSONObject)], powerLevels: JSONObject?, bans: [(UserID, reason: String?)]
    ) -> [EventDraft] {
        var join = profile
        join["membership"] = "join"
        var drafts = [draft("m.room.member", join, key: creator.rawValue)]
        for (entry, content) in state { drafts.append(draft(entry.type, content, key: entry.stateKey)) }
        for (user, reason) in bans {
            var content: JSONObject = ["membership": "ban"]
            if let reason { content["reason"] = .string(reason) }
            drafts.append(draft("m.room.member", content, key: user.rawValue))
        }
        drafts.append(draft("m.room.power_levels", newPowerLevels(from: powerLevels)))
        return drafts
    }

    /// The old power levels in the form that the new version wants.
    private func newPowerLevels(from old: JSONObject?) -> JSONObject {
        guard let old else {
            return RoomPreset.privateChat.powerLevels(
                creator: creator, invitees: additionalCreators, version: version)
        }
        var levels = JSONObject()
        for (name, value) in old {
            switch name {
            case "users", "events", "notifications":
                guard let members = value.objectValue else { continue }
                var kept = JSONObject()
                for (member, value) in members {
                    if let number = level(of: value) { kept[member] = .integer(number) }
                }
                levels[name] = .object(kept)
            default:
                levels[name] = level(of: value).map(JSONValue.integer) ?? value
            }
        }
        var users = levels["users"]?.objectValue ?? [:]
        if version.privilegedCreators {
            // v12, rule 9.4: "If any of the user IDs in content.users is a creator, reject."
            for user in [creator] + additionalCreators { users.removeValue(forKey: user.rawValue) }
            // "m.room.tombstone … 150": in such rooms only creators should be able to end the room.
            var events = levels["events"]?.objectValue ?? [:]
            events["m.room.tombstone"] = .integer(max(150, events["m.room.tombstone"]?.integerValue ?? 0))
            levels["events"] = .object(events)
        } else if users[creator.rawValue] == nil {
            // A creator of a room of version 12 has no entry of their own.
            let highest = users.reduce(100) { max($0, $1.value.integerValue ?? 0) }
            users[creator.rawValue] = .integer(highest)
        }
        levels["users"] = .object(users)
        return levels
    }

    /// "Sends a m.room.tombstone event to the old room to indicate that it is not intended to be used any further."
    package func tombstone(newRoom: RoomID) -> EventDraft {
        draft(
            "m.room.tombstone",
            ["body": "This room has been replaced", "replacement_room": .string(newRoom.rawValue)])
    }

    /// The old room's aliases are the new one's now.
    package var aliasFree: EventDraft { draft("m.room.canonical_alias", [:]) }

    /// "the power levels in the old room should also be modified to prevent sending of events and inviting new users. For
    /// example, setting events_default and invite to the greater of 50 and users_default + 1."
    package func restricted(oldPowerLevels: JSONObject) -> EventDraft? {
        var levels = oldPowerLevels
        let usersDefault = levels["users_default"].flatMap(level(of:)) ?? 0
        let floor = max(50, usersDefault < Int64.max ? usersDefault + 1 : usersDefault)
        for name in ["events_default", "invite"] {
            let current = levels[name].flatMap(level(of:)) ?? 0
            if current < floor { levels[name] = .integer(floor) }
        }
        return levels == oldPowerLevels ? nil : draft("m.room.power_levels", levels)
    }

    /// A level as the old room reads it; the new one may read integers only.
    private func level(of value: JSONValue) -> Int64? { PowerLevelValue.parse(value, version: oldVersion) }

    private func draft(_ type: String, _ content: JSONObject, key: String = "") -> EventDraft {
        EventDraft(type: type, stateKey: key, content: content, sender: creator, originServerTS: nowMs)
    }
}
