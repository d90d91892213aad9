import CanonicalJSON
import EventAuthorization
import EventSigning
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

extension TestRoom {
    /// A join at the very beginning of the room: nothing but the create event is there.
    fileprivate mutating func firstJoin(
        of user: String, by sender: String? = nil, after previous: [String]? = nil
    ) throws -> Attempt {
        for member in [Self.alice, Self.bob, Self.carol] { state.remove(type: "m.room.member", stateKey: member) }
        state.remove(type: "m.room.power_levels", stateKey: "")
        state.remove(type: "m.room.join_rules", stateKey: "")
        let links = (previous ?? [createID.rawValue]).compactMap { link($0).arrayValue?.first }
        return try attempt(
            "m.room.member", user, by: sender ?? user, ["membership": "join"], with: ["prev_events": .array(links)])
    }

    /// A join of Dave's, who has this membership, under this join rule.
    fileprivate mutating func davesJoin(
        _ membership: String?, under rule: String, _ content: JSONObject = [:]
    ) throws -> Attempt {
        try setJoinRule(rule)
        if let membership { try setMembership(Self.dave, membership) }
        return try attempt("join", of: Self.dave, by: Self.dave, content)
    }
}

extension AuthCases {
    static let join: [AuthCase] =
        firstJoin + [
            accept("member.join.self", "for oneself") { try $0.davesJoin(nil, under: "public") },
            reject("member.join.self", "for another user") { room in
                try room.setJoinRule("public")
                return try room.attempt("join", of: TestRoom.dave, by: TestRoom.alice)
            },
            reject("member.join.self", "for a state key that is no user ID") { room in
                try room.setJoinRule("public")
                return try room.attempt("join", of: "", by: TestRoom.bob)
            },
            accept("member.join.banned", "who left") { try $0.davesJoin("leave", under: "public") },
            reject("member.join.banned", "who is banned") { try $0.davesJoin("ban", under: "public") },
            reject("member.join.banned", "who is banned, and authorised", in: 8...12) {
                try $0.davesJoin(
                    "ban", under: "restricted", ["join_authorised_via_users_server": .string(TestRoom.bob)])
            },
            accept("member.join.invited", "invite, invited") { try $0.davesJoin("invite", under: "invite") },
            accept("member.join.invited", "invite, joined") { try $0.davesJoin("join", under: "invite") },
            accept("member.join.invited", "no join rules, invited") { room in
                try room.setMembership(TestRoom.dave, "invite")
                room.state.remove(type: "m.room.join_rules", stateKey: "")
                return try room.attempt("join", of: TestRoom.dave, by: TestRoom.dave)
            },
            accept("member.join.invited", "knock, invited", in: 7...12) { try $0.davesJoin("invite", under: "knock") },
            accept("member.join.invited", "knock, joined", in: 7...12) { try $0.davesJoin("join", under: "knock") },
            reject("member.join.invited", "invite, a stranger", by: "member.join.otherwise") {
                try $0.davesJoin(nil, under: "invite")
            },
            reject("member.join.invited", "invite, who left", by: "member.join.otherwise") {
                try $0.davesJoin("leave", under: "invite")
            },
            reject("member.join.invited", "no join rules, a stranger", by: "member.join.otherwise") { room in
                room.state.remove(type: "m.room.join_rules", stateKey: "")
                return try room.attempt("join", of: TestRoom.dave, by: TestRoom.dave)
            },
            reject("member.join.invited", "knock, who knocked", by: "member.join.otherwise") {
                try $0.davesJoin("knock", under: "knock")
            },
            reject("member.join.invited", "knock does not exist yet", by: "member.join.otherwise", in: 1...6) {
                try $0.davesJoin("invite", under: "knock")
            },
            accept("member.join.public", "a stranger") { try $0.davesJoin(nil, under: "public") },
            accept("member.join.public", "who knocked") { try $0.davesJoin("knock", under: "public") },
            accept("member.join.public", "an authoriser that did not sign means nothing yet", in: 1...7) { room in
                try room.signedJoin(via: .string(TestRoom.bob), signedBy: nil, under: "public")
            },
            reject("member.join.public", "another spelling", by: "member.join.otherwise") {
                try $0.davesJoin(nil, under: "Public")
            },
            reject("member.join.public", "private", by: "member.join.otherwise") {
                try $0.davesJoin(nil, under: "private")
            },
            accept("member.join.otherwise", "what a rule above allows") { try $0.davesJoin(nil, under: "public") },
            reject("member.join.otherwise", "an unknown join rule, even when invited") {
                try $0.davesJoin("invite", under: "org.example.odd")
            },
            reject("member.join.otherwise", "a join rule that is no string") { room in
                try room.set("m.room.join_rules", by: TestRoom.alice, ["join_rule": ["public"]])
                return try room.attempt("join", of: TestRoom.dave, by: TestRoom.dave)
            },
            reject("member.join.otherwise", "restricted does not exist yet", in: 1...7) {
                try $0.davesJoin("invite", under: "restricted")
            },
            reject("member.join.otherwise", "knock_restricted does not exist yet", in: 1...9) {
                try $0.davesJoin("invite", under: "knock_restricted")
            },
        ]

    private static let firstJoin: [AuthCase] = [
        accept("member.join.first", "the creator") { try $0.firstJoin(of: TestRoom.alice) },
        reject("member.join.first", "another user", by: "member.join.otherwise") { try $0.firstJoin(of: TestRoom.bob) },
        reject("member.join.first", "the creator, after another event", by: "member.join.otherwise") {
            try $0.firstJoin(of: TestRoom.alice, after: ["$another"])
        },
        reject("member.join.first", "the creator, after the create event and another", by: "member.join.otherwise") {
            try $0.firstJoin(of: TestRoom.alice, after: [$0.createID.rawValue, "$another"])
        },
        reject("member.join.first", "the creator, after nothing", by: "member.join.otherwise") {
            try $0.firstJoin(of: TestRoom.alice, after: [])
        },
        accept("member.join.first", "the creator, whoever sends it") {
            try $0.firstJoin(of: TestRoom.alice, by: TestRoom.bob)
        },
        accept("member.join.first", "the creator that the content names", in: 1...10) { room in
            try room.setCreate(["creator": .string(TestRoom.bob)])
            return try room.firstJoin(of: TestRoom.bob)
        },
        reject(
            "member.join.first", "the create event's sender, when the content names another",
            by: "member.join.otherwise", in: 1...10
        ) { room in
            try room.setCreate(["creator": .string(TestRoom.bob)])
            return try room.firstJoin(of: TestRoom.alice)
        },
        accept("member.join.first", "the create event's sender, whatever the content says", in: 11...12) { room in
            try room.setCreate(["creator": .string(TestRoom.bob)])
            return try room.firstJoin(of: TestRoom.alice)
        },
        reject("member.join.first", "who only the content names", by: "member.join.otherwise", in: 11...12) { room in
            try room.setCreate(["creator": .string(TestRoom.bob)])
            return try room.firstJoin(of: TestRoom.bob)
        },
        reject("member.join.first", "an additional creator", by: "member.join.otherwise", in: 12...12) { room in
            try room.setCreate(["additional_creators": [.string(TestRoom.bob)]])
            return try room.firstJoin(of: TestRoom.bob)
        },
    ]

    private static let via = "join_authorised_via_users_server"

    static let restrictedJoin: [AuthCase] = [
        accept("member.authorised.signed", "signed by the authorising server") { room in
            try room.signedJoin(via: .string(TestRoom.bob), signedBy: "example.org")
        },
        reject("member.authorised.signed", "not signed") { room in
            try room.signedJoin(via: .string(TestRoom.bob), signedBy: nil)
        },
        reject("member.authorised.signed", "signed by another server") { room in
            try room.signedJoin(via: .string(TestRoom.bob), signedBy: "third.example.org")
        },
        reject("member.authorised.signed", "a key that is no user ID") { room in
            try room.signedJoin(via: "bob", signedBy: "example.org")
        },
        reject("member.authorised.signed", "a key that is no string") { room in
            try room.signedJoin(via: .null, signedBy: "example.org")
        },
        reject("member.authorised.signed", "not signed, though the room is public") { room in
            try room.signedJoin(via: .string(TestRoom.bob), signedBy: nil, under: "public")
        },
        reject("member.authorised.signed", "not signed, and no join") { room in
            var result = try room.attempt("leave", of: TestRoom.bob, by: TestRoom.bob, [via: .string(TestRoom.carol)])
            result.isSignedByAuthoriser = false
            return result
        },
        accept("member.join.restricted.member", "invited") { try $0.davesJoin("invite", under: "restricted") },
        accept("member.join.restricted.member", "joined") { try $0.davesJoin("join", under: "restricted") },
        accept("member.join.restricted.member", "invited, knock_restricted", in: 10...12) {
            try $0.davesJoin("invite", under: "knock_restricted")
        },
        reject("member.join.restricted.member", "who left", by: "member.join.restricted.authoriser") {
            try $0.davesJoin("leave", under: "restricted")
        },
        reject("member.join.restricted.member", "who knocked", by: "member.join.restricted.authoriser") {
            try $0.davesJoin("knock", under: "restricted")
        },
        accept("member.join.restricted.authoriser", "a member who may invite") { room in
            try room.setLevels(["invite": 50])
            return try room.davesJoin(nil, under: "restricted", [via: .string(TestRoom.bob)])
        },
        accept("member.join.restricted.authoriser", "a member who may invite, knock_restricted", in: 10...12) {
            try $0.davesJoin("knock", under: "knock_restricted", [via: .string(TestRoom.carol)])
        },
        accept("member.join.restricted.authoriser", "a creator, whatever the level", in: 12...12) { room in
            try room.setLevels(["invite": 1_000_000])
            return try room.davesJoin(nil, under: "restricted", [via: .string(TestRoom.alice)])
        },
        reject("member.join.restricted.authoriser", "nobody") { try $0.davesJoin(nil, under: "restricted") },
        reject("member.join.restricted.authoriser", "nobody, knock_restricted", in: 10...12) {
            try $0.davesJoin(nil, under: "knock_restricted")
        },
        reject("member.join.restricted.authoriser", "a member who may not invite") { room in
            try room.setLevels(["invite": 51])
            return try room.davesJoin(nil, under: "restricted", [via: .string(TestRoom.bob)])
        },
        reject("member.join.restricted.authoriser", "who is no member") { room in
            try room.setMembership(TestRoom.bob, "leave")
            return try room.davesJoin(nil, under: "restricted", [via: .string(TestRoom.bob)])
        },
        reject("member.join.restricted.authoriser", "who joins") {
            try $0.davesJoin(nil, under: "restricted", [via: .string(TestRoom.dave)])
        },
        accept("member.join.restricted.otherwise", "authorised") {
            try $0.davesJoin(nil, under: "restricted", [via: .string(TestRoom.carol)])
        },
        reject("member.join.restricted.otherwise", "not authorised", by: "member.join.restricted.authoriser") {
            try $0.davesJoin(nil, under: "restricted")
        },
    ]
}

extension TestRoom {
    /// A join of Dave's that names who authorised it, really signed in the name of a server.
    fileprivate mutating func signedJoin(
        via authoriser: JSONValue, signedBy server: String?, under rule: String = "restricted"
    ) throws -> Attempt {
        let key = SigningKey.generate(version: "0")
        var result = try davesJoin(nil, under: rule, ["join_authorised_via_users_server": authoriser])
        var object = result.pdu.object
        if let server {
            object = try EventSigner.addSignature(
                to: object, version: version, server: try ServerName(parsing: server), key: key)
        }
        result = Attempt(pdu: try PDU(draft: object, version: version))
        result.isSignedByAuthoriser = SignatureVerifier.verify(
            event: object, server: try ServerName(parsing: "example.org"), keyID: key.keyID, publicKey: key.publicKey,
            version: version)
        return result
    }
}
