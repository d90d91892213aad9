package import CanonicalJSON
package import RoomVersions

/// The redaction algorithm: which parts of an event no redaction may take away.
package enum Redaction {
    /// The event with everything stripped that the redaction algorithm of its room version does not protect.
    ///
    /// Works on any object, also on one that is no valid PDU; `unsigned` never survives.
    package static func redacted(_ object: JSONObject, version: RoomVersion) -> JSONObject {
        let rules = version.redactionRules
        var result = JSONObject()
        // "the server must strip off any keys not in the following list"
        for member in rules == .v11 ? keptSinceV11 : keptBeforeV11 {
            if let value = object[member] { result[member] = value }
        }
        if let content = object["content"] {
            let type = object["type"]?.stringValue ?? ""
            let kept = keptContent(content.objectValue ?? JSONObject(), type: type, rules: rules)
            result["content"] = .object(kept)
        }
        return result
    }

    // In canonical order, so that each insertion is an append.
    private static let keptSinceV11 = [
        "auth_events", "depth", "event_id", "hashes", "origin_server_ts", "prev_events", "room_id", "sender",
        "signatures", "state_key", "type",
    ]

    private static let keptBeforeV11 = [
        "auth_events", "depth", "event_id", "hashes", "membership", "origin", "origin_server_ts", "prev_events",
        "prev_state", "room_id", "sender", "signatures", "state_key", "type",
    ]

    /// "The content object must also be stripped of all keys, unless it is one of the following event types".
    private static func keptContent(_ content: JSONObject, type: String, rules: RedactionRules) -> JSONObject {
        switch type {
        case "m.room.member":
            return keptMemberContent(content, rules: rules)
        case "m.room.create":
            // v11: "allows all keys."
            return rules == .v11 ? content : keep(["creator"], of: content)
        case "m.room.join_rules":
            let hasAllow = rules != .v1 && rules != .v6
            return keep(hasAllow ? ["allow", "join_rule"] : ["join_rule"], of: content)
        case "m.room.power_levels":
            var result = keep(powerLevelKeys, of: content)
            if rules == .v11, let invite = content["invite"] { result["invite"] = invite }
            return result
        case "m.room.aliases":
            return rules == .v1 ? keep(["aliases"], of: content) : JSONObject()
        case "m.room.history_visibility":
            return keep(["history_visibility"], of: content)
        case "m.room.redaction":
            return rules == .v11 ? keep(["redacts"], of: content) : JSONObject()
        default:
            return JSONObject()
        }
    }

    private static let powerLevelKeys = [
        "ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default",
    ]

    private static func keptMemberContent(_ content: JSONObject, rules: RedactionRules) -> JSONObject {
        guard rules == .v9 || rules == .v11 else { return keep(["membership"], of: content) }
        var result = keep(["join_authorised_via_users_server", "membership"], of: content)
        // v11: "Additionally, it allows the `signed` key of the `third_party_invite` key."
        if rules == .v11, let invite = content["third_party_invite"]?.objectValue {
            result["third_party_invite"] = .object(keep(["signed"], of: invite))
        }
        return result
    }

    private static func keep(_ keys: [String], of content: JSONObject) -> JSONObject {
        var result = JSONObject()
        for key in keys {
            if let value = content[key] { result[key] = value }
        }
        return result
    }
}
