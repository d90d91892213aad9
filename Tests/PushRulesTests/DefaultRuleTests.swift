import CanonicalJSON
import PushRules
import Testing

@Suite struct DefaultRuleTests {
    private func outcome(_ event: PushEvent, _ room: Room = Room()) throws -> PushOutcome? {
        try PushRuleset().outcome(event, room)
    }

    private let loud: JSONObject = ["sound": "default", "highlight": true]

    @Test func messages() throws {
        #expect(try outcome(message("x"))?.actions == ["notify"])
        #expect(try outcome(message("x"), Room(members: 2))?.tweaks == ["sound": "default"])
        #expect(try outcome(message("x", ["msgtype": "m.notice"]))?.notifies == false)
        #expect(try outcome(message("x", ["msgtype": "M.Notice"]))?.notifies == false)
        #expect(try outcome(event("m.room.encrypted", [:]))?.notifies == true)
        #expect(try outcome(event("m.room.encrypted", [:]), Room(members: 2))?.tweaks == ["sound": "default"])
        #expect(try outcome(event("m.call.invite", [:]))?.tweaks == ["sound": "ring"])
        #expect(try outcome(event("m.reaction", [:]))?.notifies == false)
        #expect(try outcome(event("m.sticker", [:])) == nil)
        #expect(try outcome(event("m.room.topic", [:], stateKey: "")) == nil)
        let edit = message("x", ["m.relates_to": ["rel_type": "m.replace", "event_id": "$a"]])
        #expect(try outcome(edit)?.notifies == false)
        #expect(try outcome(event("m.room.server_acl", [:], stateKey: ""))?.notifies == false)
    }

    @Test func mentions() throws {
        let mine = message("x", ["m.mentions": ["user_ids": [.string(other), .string(owner)]]])
        #expect(try outcome(mine)?.tweaks == loud)
        #expect(try outcome(mine)?.highlights == true)
        let theirs = message("x", ["m.mentions": ["user_ids": [.string(other)]]])
        #expect(try outcome(theirs)?.highlights == false && outcome(theirs)?.notifies == true)
        // An event remembers what it was asked, so it stays in one room.
        func all() -> PushEvent { message("x", ["m.mentions": ["room": true]]) }
        #expect(try outcome(all())?.highlights == false)
        #expect(try outcome(all(), Room(mayNotify: true))?.tweaks == ["highlight": true])
        // An edit that names somebody anew is told; a notice is not.
        let edit = message(
            "x", ["m.relates_to": ["rel_type": "m.replace"], "m.mentions": ["user_ids": [.string(owner)]]])
        #expect(try outcome(edit)?.highlights == true)
        let notice = message("x", ["msgtype": "m.notice", "m.mentions": ["user_ids": [.string(owner)]]])
        #expect(try outcome(notice)?.notifies == false)
        #expect(try outcome(event("m.room.tombstone", [:], stateKey: ""))?.highlights == true)
        #expect(try outcome(event("m.room.tombstone", [:])) == nil)
    }

    @Test func memberships() throws {
        let invite = event("m.room.member", ["membership": "invite"], stateKey: owner)
        #expect(try outcome(invite)?.tweaks == ["sound": "default"])
        #expect(try outcome(event("m.room.member", ["membership": "invite"], stateKey: other))?.notifies == false)
        #expect(try outcome(event("m.room.member", ["membership": "join"], stateKey: owner))?.notifies == false)
    }

    @Test func ownRulesComeFirst() throws {
        var rules = PushRuleset()
        try rules.put(.room, "!room:example.org", ["actions": ["dont_notify"]])
        #expect(try rules.outcome(message("x"))?.notifies == false)
        // Mentions are overrides and stand before rooms.
        let mention = message("x", ["m.mentions": ["user_ids": [.string(owner)]]])
        #expect(try rules.outcome(mention)?.highlights == true)
        try rules.put(
            .content, "cake", ["pattern": "cake", "actions": ["notify", ["set_tweak": "highlight", "value": false]]])
        #expect(try rules.outcome(message("more cake!"))?.tweaks == ["highlight": false])
        #expect(try rules.outcome(message("more cake!"))?.highlights == false)
        try rules.put(.sender, other, ["actions": ["notify", ["set_tweak": "sound", "value": "x"]]])
        #expect(try rules.outcome(message("x"))?.notifies == false)
        rules.apply(try rules.setEnabled(.room, "!room:example.org", body: ["enabled": false]))
        #expect(try rules.outcome(message("x"))?.tweaks == ["sound": "x"])
    }

    @Test func namesTheirUser() throws {
        let json = PushRuleset().content(for: owner)
        let rules = json["global"]?["override"]?.arrayValue ?? []
        #expect(
            rules.compactMap { $0["rule_id"]?.stringValue?.dropFirst(8) } == [
                "master", "suppress_notices", "invite_for_me", "member_event", "is_user_mention", "is_room_mention",
                "tombstone", "reaction", "room.server_acl", "suppress_edits",
            ])
        #expect(rules[2]["conditions"]?.arrayValue?.last?["pattern"] == .string(owner))
        #expect(rules[4]["conditions"]?.arrayValue?.first?["value"] == .string(owner))
        #expect(
            (json["global"]?["underride"]?.arrayValue ?? []).compactMap { $0["rule_id"]?.stringValue?.dropFirst(8) }
                == [
                    "call", "encrypted_room_one_to_one", "room_one_to_one", "message", "encrypted",
                ])
        #expect(json["global"]?["content"] == [] && json["global"]?["room"] == [] && json["global"]?["sender"] == [])
        // A user's own rule may say the words that stand for a user in default ones.
        let own: JSONValue = ["kind": "event_match", "key": "content.topic", "pattern": "[the user's Matrix ID]"]
        #expect(try !matches(own, event("t", ["topic": .string(owner)])))
        #expect(try matches(own, event("t", ["topic": "[the user's Matrix ID]"])))
    }
}
