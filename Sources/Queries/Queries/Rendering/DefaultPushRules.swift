package import CanonicalJSON

/// The server-default push rules of the specification, as the content of `m.push_rules`.
package enum DefaultPushRules {
    /// The content of `m.push_rules` for a user who never changed a rule.
    package static func content(for userID: String) -> JSONObject {
        let override = [
            rule("master", enabled: false, when: [], []),
            rule("suppress_notices", when: [match("content.msgtype", "m.notice")], []),
            rule(
                "invite_for_me",
                when: [
                    match("type", "m.room.member"), match("content.membership", "invite"), match("state_key", userID),
                ],
                ["notify", tweak("sound", "default")]),
            rule("member_event", when: [match("type", "m.room.member")], []),
            rule(
                "is_user_mention",
                when: [
                    [
                        "kind": "event_property_contains", "key": "content.m\\.mentions.user_ids",
                        "value": .string(userID),
                    ]
                ],
                ["notify", tweak("sound", "default"), tweak("highlight")]),
            rule(
                "is_room_mention",
                when: [
                    ["kind": "event_property_is", "key": "content.m\\.mentions.room", "value": true],
                    ["kind": "sender_notification_permission", "key": "room"],
                ],
                ["notify", tweak("highlight")]),
            rule(
                "tombstone",
                when: [match("type", "m.room.tombstone"), match("state_key", "")],
                ["notify", tweak("highlight")]),
            rule("reaction", when: [match("type", "m.reaction")], []),
            rule("room.server_acl", when: [match("type", "m.room.server_acl"), match("state_key", "")], []),
            rule(
                "suppress_edits",
                when: [["kind": "event_property_is", "key": "content.m\\.relates_to.rel_type", "value": "m.replace"]],
                []),
        ]
        let underride = [
            rule("call", when: [match("type", "m.call.invite")], ["notify", tweak("sound", "ring")]),
            rule(
                "encrypted_room_one_to_one", when: [twoMembers, match("type", "m.room.encrypted")],
                ["notify", tweak("sound", "default")]),
            rule(
                "room_one_to_one", when: [twoMembers, match("type", "m.room.message")],
                ["notify", tweak("sound", "default")]),
            rule("message", when: [match("type", "m.room.message")], ["notify"]),
            rule("encrypted", when: [match("type", "m.room.encrypted")], ["notify"]),
        ]
        let rules: JSONObject = [
            "override": .array(override), "content": .array([]), "room": .array([]), "sender": .array([]),
            "underride": .array(underride),
        ]
        return ["global": .object(rules)]
    }

    private static let twoMembers: JSONValue = ["kind": "room_member_count", "is": "2"]

    private static func match(_ key: String, _ pattern: String) -> JSONValue {
        ["kind": "event_match", "key": .string(key), "pattern": .string(pattern)]
    }

    private static func tweak(_ name: String, _ value: String? = nil) -> JSONValue {
        var tweak: JSONObject = ["set_tweak": .string(name)]
        if let value { tweak["value"] = .string(value) }
        return .object(tweak)
    }

    private static func rule(
        _ name: String, enabled: Bool = true, when conditions: [JSONValue], _ actions: [JSONValue]
    ) -> JSONValue {
        [
            "rule_id": .string(".m.rule." + name), "default": true, "enabled": .bool(enabled),
            "conditions": .array(conditions), "actions": .array(actions),
        ]
    }
}
