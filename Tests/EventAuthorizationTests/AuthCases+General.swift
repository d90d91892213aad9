import CanonicalJSON
import EventAuthorization
import MatrixEvents
import RoomVersions

extension AuthCases {
    static let general: [AuthCase] = [
        accept("federate", "the creator's server, in a closed room") { room in
            try room.setCreate(["m.federate": false])
            return try room.attempt("m.room.message", by: TestRoom.bob)
        },
        accept("federate", "another server, in an open room") { room in
            try room.setMembership(TestRoom.dave, "join")
            try room.setCreate(["m.federate": true])
            return try room.attempt("m.room.message", by: TestRoom.dave)
        },
        accept("federate", "another server, and a value that is not false") { room in
            try room.setMembership(TestRoom.dave, "join")
            try room.setCreate(["m.federate": "false"])
            return try room.attempt("m.room.message", by: TestRoom.dave)
        },
        reject("federate", "a message of another server") { room in
            try room.setMembership(TestRoom.dave, "join")
            try room.setCreate(["m.federate": false])
            return try room.attempt("m.room.message", by: TestRoom.dave)
        },
        reject("federate", "a join from another server") { room in
            try room.setJoinRule("public")
            try room.setCreate(["m.federate": false])
            return try room.attempt("join", of: TestRoom.dave, by: TestRoom.dave)
        },
        reject("federate", "aliases of another server") { room in
            try room.setCreate(["m.federate": false])
            return try room.attempt("m.room.aliases", "other.example.org", by: TestRoom.dave)
        },
        accept("sender-joined", "a member") { try $0.attempt("m.room.message", by: TestRoom.carol) },
        reject("sender-joined", "a stranger") { try $0.attempt("m.room.message", by: TestRoom.dave) },
        reject("sender-joined", "who left") { room in
            try room.setMembership(TestRoom.bob, "leave")
            return try room.attempt("m.room.message", by: TestRoom.bob)
        },
        reject("sender-joined", "who is invited") { room in
            try room.setMembership(TestRoom.bob, "invite")
            return try room.attempt("m.room.name", "", by: TestRoom.bob)
        },
        reject("sender-joined", "who is banned") { room in
            try room.setMembership(TestRoom.bob, "ban")
            return try room.attempt("m.room.third_party_invite", "t", by: TestRoom.bob)
        },
        reject("sender-joined", "who knocked") { room in
            try room.setMembership(TestRoom.bob, "knock")
            return try room.attempt("m.room.message", by: TestRoom.bob)
        },
        reject("sender-joined", "aliases of a stranger's server", in: 6...12) {
            try $0.attempt("m.room.aliases", "other.example.org", by: TestRoom.dave)
        },
        accept("third-party-invite.level", "the invite level by default") {
            try $0.attempt("m.room.third_party_invite", "t", by: TestRoom.carol)
        },
        accept("third-party-invite.level", "exactly the invite level, and less than for other state") { room in
            try room.setLevels(["invite": 50, "state_default": 100])
            return try room.attempt("m.room.third_party_invite", "t", by: TestRoom.bob)
        },
        reject("third-party-invite.level", "below the invite level") { room in
            try room.setLevels(["invite": 51])
            return try room.attempt("m.room.third_party_invite", "t", by: TestRoom.bob)
        },
        accept("state-key", "the sender's ID") {
            try $0.attempt("org.example.status", TestRoom.bob, by: TestRoom.bob)
        },
        accept("state-key", "a user's ID that does not begin the key") {
            try $0.attempt("org.example.status", "_" + TestRoom.carol, by: TestRoom.bob)
        },
        accept("state-key", "no state key") { try $0.attempt("org.example.status", by: TestRoom.bob) },
        reject("state-key", "another user's ID") {
            try $0.attempt("org.example.status", TestRoom.carol, by: TestRoom.bob)
        },
        reject("state-key", "another user's ID, by the creator") {
            try $0.attempt("org.example.status", TestRoom.carol, by: TestRoom.alice)
        },
        reject("state-key", "the sigil alone") { try $0.attempt("org.example.status", "@", by: TestRoom.bob) },
        reject("state-key", "the sender's ID and more") {
            try $0.attempt("org.example.status", TestRoom.bob + "_x", by: TestRoom.bob)
        },
        accept("otherwise", "a message") { try $0.attempt("m.room.message", by: TestRoom.carol) },
        accept("otherwise", "a state event") { try $0.attempt("m.room.topic", "", by: TestRoom.bob) },
        accept("otherwise", "a redaction below the redact level", in: 3...12) { room in
            let target: JSONObject = ["redacts": "$target"]
            return try room.attempt("m.room.redaction", by: TestRoom.carol, target, with: target)
        },
        reject("otherwise", "what a rule above rejects", by: "sender-joined") {
            try $0.attempt("m.room.message", by: TestRoom.dave)
        },
    ]

    static let requiredLevel: [AuthCase] = [
        accept("required-level", "the default for messages") { try $0.attempt("m.room.message", by: TestRoom.carol) },
        accept("required-level", "exactly the default for state") {
            try $0.attempt("m.room.name", "", by: TestRoom.bob)
        },
        reject("required-level", "the default for state") { try $0.attempt("m.room.name", "", by: TestRoom.carol) },
        reject("required-level", "the default for state, without power levels") { room in
            room.state.remove(type: "m.room.power_levels", stateKey: "")
            return try room.attempt("m.room.name", "", by: TestRoom.bob)
        },
        accept("required-level", "the creator, without power levels") { room in
            room.state.remove(type: "m.room.power_levels", stateKey: "")
            return try room.attempt("m.room.name", "", by: TestRoom.alice)
        },
        accept("required-level", "a level for the type") { room in
            try room.setLevels(["events": ["m.room.name": 0]])
            return try room.attempt("m.room.name", "", by: TestRoom.carol)
        },
        reject("required-level", "a level for the type") { room in
            try room.setLevels(["events": ["m.room.message": 51]])
            return try room.attempt("m.room.message", by: TestRoom.bob)
        },
        reject("required-level", "events_default") { room in
            try room.setLevels(["events_default": 1])
            return try room.attempt("m.room.message", by: TestRoom.carol)
        },
        reject("required-level", "a negative level of all users") { room in
            try room.setLevels(["users_default": -1])
            return try room.attempt("m.room.message", by: TestRoom.carol)
        },
        accept("required-level", "a level written as a string", in: 1...9) { room in
            try room.setLevels(["events": ["m.room.name": " +0050 "]])
            return try room.attempt("m.room.name", "", by: TestRoom.bob)
        },
        reject("required-level", "a level written as a string", in: 1...9) { room in
            try room.setLevels(["events": ["m.room.name": "51"]])
            return try room.attempt("m.room.name", "", by: TestRoom.bob)
        },
        reject("required-level", "a string that no 64 bits hold", in: 1...9) { room in
            try room.setLevels(["events": ["m.room.message": "100000000000000000000"]])
            return try room.attempt("m.room.message", by: TestRoom.alice)
        },
        accept("required-level", "a negative string that no 64 bits hold", in: 1...9) { room in
            try room.setLevels(["state_default": "-100000000000000000000"])
            return try room.attempt("m.room.name", "", by: TestRoom.carol)
        },
        accept("required-level", "a fraction is cut off", in: 1...5) { room in
            try room.setLevels(["events": ["m.room.name": 50.99]])
            return try room.attempt("m.room.name", "", by: TestRoom.bob)
        },
        reject("required-level", "a float of a level", in: 1...5) { room in
            try room.setLevels(["events": ["m.room.name": 51.0]])
            return try room.attempt("m.room.name", "", by: TestRoom.bob)
        },
        reject("required-level", "a float that no 64 bits hold", in: 1...5) { room in
            try room.setLevels(["events": ["m.room.message": 1e300]])
            return try room.attempt("m.room.message", by: TestRoom.alice)
        },
        accept("required-level", "the creator's power is above every level", in: 12...12) { room in
            try room.setLevels(["events": ["m.room.message": 9_007_199_254_740_991]])
            return try room.attempt("m.room.message", by: TestRoom.alice)
        },
        accept("required-level", "an additional creator's too", in: 12...12) { room in
            try room.setCreate(["additional_creators": [.string(TestRoom.carol)]])
            try room.setLevels(["events": ["m.room.message": 9_007_199_254_740_991]])
            return try room.attempt("m.room.message", by: TestRoom.carol)
        },
        reject("required-level", "additional creators mean nothing before v12", in: 1...11) { room in
            try room.setCreate(["additional_creators": [.string(TestRoom.carol)]])
            return try room.attempt("m.room.name", "", by: TestRoom.carol)
        },
    ]

    static let aliasesAndRedaction: [AuthCase] = [
        accept("aliases.no-state-key", "a state key") {
            try $0.attempt("m.room.aliases", "other.example.org", by: TestRoom.dave)
        },
        reject("aliases.no-state-key", "no state key") { try $0.attempt("m.room.aliases", by: TestRoom.dave) },
        reject("aliases.no-state-key", "no state key, by the creator") {
            try $0.attempt("m.room.aliases", by: TestRoom.alice)
        },
        accept("aliases.domain", "the sender's server") {
            try $0.attempt("m.room.aliases", "example.org", by: TestRoom.carol)
        },
        reject("aliases.domain", "another server") {
            try $0.attempt("m.room.aliases", "example.org", by: TestRoom.dave)
        },
        reject("aliases.domain", "the server on a port") {
            try $0.attempt("m.room.aliases", "example.org:8448", by: TestRoom.alice)
        },
        reject("aliases.domain", "nothing") { try $0.attempt("m.room.aliases", "", by: TestRoom.alice) },
        accept("aliases.otherwise", "who is banned") { room in
            try room.setMembership(TestRoom.dave, "ban")
            return try room.attempt("m.room.aliases", "other.example.org", by: TestRoom.dave)
        },
        accept("aliases.otherwise", "a level that the sender does not have") { room in
            try room.setLevels(["events": ["m.room.aliases": 100]])
            return try room.attempt("m.room.aliases", "example.org", by: TestRoom.carol)
        },
        reject("aliases.otherwise", "what a rule above rejects", by: "aliases.domain") {
            try $0.attempt("m.room.aliases", "example.org", by: TestRoom.dave)
        },
        accept("redaction.level", "exactly the redact level") {
            try $0.redaction(of: "$x:other.example.org", by: TestRoom.bob)
        },
        accept("redaction.level", "a redact level of its own") { room in
            try room.setLevels(["redact": 0])
            return try room.redaction(of: "$x:other.example.org", by: TestRoom.carol)
        },
        reject("redaction.level", "below the redact level", by: "redaction.otherwise") { room in
            try room.setLevels(["redact": 51])
            return try room.redaction(of: "$x:other.example.org", by: TestRoom.bob)
        },
        accept("redaction.domain", "an event of the same server") {
            try $0.redaction(of: "$x:example.org", by: TestRoom.carol)
        },
        reject("redaction.domain", "an event of another server", by: "redaction.otherwise") {
            try $0.redaction(of: "$x:other.example.org", by: TestRoom.carol)
        },
        reject("redaction.domain", "the same server on a port", by: "redaction.otherwise") {
            try $0.redaction(of: "$x:example.org:8448", by: TestRoom.carol)
        },
        accept("redaction.otherwise", "an event of the same server") {
            try $0.redaction(of: "$x:example.org", by: TestRoom.carol)
        },
        reject("redaction.otherwise", "an event of no server") { try $0.redaction(of: "$x", by: TestRoom.carol) },
        reject("redaction.otherwise", "no event") { try $0.attempt("m.room.redaction", by: TestRoom.carol) },
        reject("redaction.otherwise", "an event named in the content only") {
            try $0.attempt("m.room.redaction", by: TestRoom.carol, ["redacts": "$x:example.org"])
        },
    ]
}

extension TestRoom {
    fileprivate func redaction(of eventID: String, by sender: String) throws -> Attempt {
        try attempt("m.room.redaction", by: sender, with: ["redacts": .string(eventID)])
    }
}
