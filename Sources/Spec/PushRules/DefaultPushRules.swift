import CanonicalJSON

/// The server-default rules of the specification's version 1.19.
package enum DefaultPushRules {
    /// Stands in the conditions of default rules for the user whose rules they are, as in the specification.
    static let ownUserID = "[the user's Matrix ID]"

    /// "`.m.rule.master` rule which has always a higher priority than any other rule".
    package static let master = ".m.rule.master"

    package static func rules(of kind: PushRuleKind) -> [PushRule] {
        switch kind {
        case .override: override
        case .underride: underride
        case .content, .room, .sender: []
        }
    }

    private static let override: [PushRule] = [
        rule("master", enabled: false, when: [], []),
        rule("suppress_notices", when: [match("content.msgtype", "m.notice")], []),
        rule(
            "invite_for_me",
            when: [
                match("type", "m.room.member"), match("content.membership", "invite"), match("state_key", ownUserID),
            ],
            ["notify", tweak("sound", "default")]),
        rule("member_event", when: [match("type", "m.room.member")], []),
        rule(
            "is_user_mention",
            when: [
                [
                    "kind": "event_property_contains", "key": "content.m\\.mentions.user_ids",
                    "value": .string(ownUserID),
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
            "tombstone", when: [match("type", "m.room.tombstone"), match("state_key", "")],
            ["notify", tweak("highlight")]),
        rule("reaction", when: [match("type", "m.reaction")], []),
        rule("room.server_acl", when: [match("type", "m.room.server_acl"), match("state_key", "")], []),
        rule(
            "suppress_edits",
            when: [["kind": "event_property_is", "key": "content.m\\.relates_to.rel_type", "value": "m.replace"]],
            []),
    ]

    private static let underride: [PushRule] = [
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
    ) -> PushRule {
        PushRule(
            ruleID: ".m.rule." + name, isDefault: true, isEnabled: enabled, conditions: conditions, actions: actions)
    }

    /// A condition of a default rule with its user's name in place.
    static func naming(_ userID: String, in condition: JSONValue) -> JSONValue {
        guard case .object(let object) = condition else { return condition }
        return .object(
            object.mapValues { value in
                value.stringValue?.utf8.elementsEqual(ownUserID.utf8) == true ? .string(userID) : value
            })
    }
}
