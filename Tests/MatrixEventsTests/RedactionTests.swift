import CanonicalJSON
import MatrixEvents
import RoomVersions
import Testing

@Suite struct RedactionTests {
    private static let members = [
        "auth_events", "content", "depth", "event_id", "hashes", "membership", "origin", "origin_server_ts",
        "prev_events", "prev_state", "redacts", "room_id", "sender", "signatures", "state_key", "type", "unsigned",
        "org.example.extra",
    ]

    /// "the server must strip off any keys not in the following list"
    @Test(arguments: RoomVersion.all)
    func topLevelMembers(version: RoomVersion) {
        var object = JSONObject(Self.members.map { ($0, .string("x")) })
        object["content"] = ["body": "x"]
        var gone: Set = ["redacts", "unsigned", "org.example.extra"]
        if version.redactionRules == .v11 { gone.formUnion(["membership", "origin", "prev_state"]) }
        let redacted = Redaction.redacted(object, version: version)
        #expect(redacted.keys == Self.members.filter { !gone.contains($0) }.sorted())
        #expect(redacted["content"] == .object([:]))
    }

    /// What the list of each version keeps of an event type's content; all content members hold their own name.
    @Test(arguments: RoomVersion.all)
    func contentMembers(version: RoomVersion) {
        let rules = version.redactionRules
        let levels = ["ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"]
        let allow = rules == .v1 || rules == .v6 ? [] : ["allow"]
        let authorised = rules == .v9 || rules == .v11 ? ["join_authorised_via_users_server"] : []
        expect("m.room.member", authorised + ["membership"], version)
        expect("m.room.join_rules", allow + ["join_rule"], version)
        expect("m.room.power_levels", levels + (rules == .v11 ? ["invite"] : []), version)
        expect("m.room.aliases", rules == .v1 ? ["aliases"] : [], version)
        expect("m.room.history_visibility", ["history_visibility"], version)
        expect("m.room.redaction", rules == .v11 ? ["redacts"] : [], version)
        expect("m.room.message", [], version)
        expect("m.room.create", rules == .v11 ? Self.contentMembers : ["creator"], version)
    }

    private static let contentMembers = [
        "aliases", "allow", "ban", "body", "creator", "events", "events_default", "history_visibility", "invite",
        "join_authorised_via_users_server", "join_rule", "kick", "membership", "notifications", "redact", "redacts",
        "state_default", "users", "users_default",
    ]

    private func expect(_ type: String, _ kept: [String], _ version: RoomVersion) {
        let content = JSONObject(Self.contentMembers.map { ($0, .string($0)) })
        let object: JSONObject = ["content": .object(content), "type": .string(type)]
        let redacted = Redaction.redacted(object, version: version)["content"]?.objectValue
        #expect(redacted == JSONObject(kept.map { ($0, .string($0)) }), "\(type)")
    }

    /// v11: "Additionally, it allows the `signed` key of the `third_party_invite` key."
    @Test func thirdPartyInvitesKeepWhatIsSigned() {
        let object: JSONObject = [
            "content": [
                "membership": "invite", "third_party_invite": ["display_name": "a", "signed": ["token": "t"]],
            ],
            "type": "m.room.member",
        ]
        let kept: JSONObject = ["membership": "invite", "third_party_invite": ["signed": ["token": "t"]]]
        #expect(Redaction.redacted(object, version: .v11)["content"] == .object(kept))
        #expect(Redaction.redacted(object, version: .v10)["content"] == ["membership": "invite"])
        let odd: JSONObject = ["content": ["third_party_invite": 1], "type": "m.room.member"]
        #expect(Redaction.redacted(odd, version: .v12)["content"] == .object([:]))
    }

    @Test func malformedObjectsAreNoTrouble() {
        #expect(Redaction.redacted([:], version: .v12).isEmpty)
        #expect(Redaction.redacted(["content": 1, "type": []], version: .v1) == ["content": [:], "type": []])
    }
}
