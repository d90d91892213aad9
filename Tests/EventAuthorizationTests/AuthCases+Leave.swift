import CanonicalJSON
import EventAuthorization
import MatrixEvents
import RoomVersions

extension TestRoom {
    /// A user's own departure, from this membership.
    fileprivate mutating func departure(from membership: String?) throws -> Attempt {
        if let membership { try setMembership(Self.dave, membership) }
        return try attempt("leave", of: Self.dave, by: Self.dave)
    }

    /// What somebody does to Dave, who has this membership.
    fileprivate mutating func onDave(
        _ membership: String, from current: String?, by sender: String, levels changes: JSONObject = [:]
    ) throws -> Attempt {
        if let current { try setMembership(Self.dave, current) }
        try setLevels(changes)
        return try attempt(membership, of: Self.dave, by: sender)
    }

    /// A knock of Dave's, who has this membership, under this join rule.
    fileprivate mutating func knock(from membership: String?, under rule: String = "knock") throws -> Attempt {
        try setJoinRule(rule)
        if let membership { try setMembership(Self.dave, membership) }
        return try attempt("knock", of: Self.dave, by: Self.dave)
    }

    /// The levels with one for Dave.
    fileprivate func withDave(_ level: JSONValue) -> JSONObject {
        var users = levels()["users"]?.objectValue ?? [:]
        users[Self.dave] = level
        return ["users": .object(users)]
    }
}

extension AuthCases {
    static let leave: [AuthCase] = [
        accept("member.shape", "a state key and a membership") {
            try $0.attempt("leave", of: TestRoom.bob, by: TestRoom.bob)
        },
        reject("member.shape", "no state key") {
            try $0.attempt("m.room.member", by: TestRoom.bob, ["membership": "leave"])
        },
        reject("member.shape", "no membership") { try $0.attempt("m.room.member", TestRoom.bob, by: TestRoom.bob) },
        accept("member.unknown", "a known one") { try $0.attempt("leave", of: TestRoom.bob, by: TestRoom.bob) },
        reject("member.unknown", "an unknown one") { try $0.attempt("odd", of: TestRoom.bob, by: TestRoom.bob) },
        reject("member.unknown", "another spelling") { try $0.attempt("Leave", of: TestRoom.bob, by: TestRoom.bob) },
        reject("member.unknown", "null") {
            try $0.attempt("m.room.member", TestRoom.bob, by: TestRoom.bob, ["membership": .null])
        },
        reject("member.unknown", "a number") {
            try $0.attempt("m.room.member", TestRoom.bob, by: TestRoom.bob, ["membership": 1])
        },
        reject("member.unknown", "knock does not exist yet", in: 1...6) { try $0.knock(from: nil) },
        accept("member.leave.self", "a member") { try $0.departure(from: "join") },
        accept("member.leave.self", "who is invited") { try $0.departure(from: "invite") },
        accept("member.leave.self", "who knocked", in: 7...12) { try $0.departure(from: "knock") },
        reject("member.leave.self", "who knocked, before knocks exist", in: 1...6) { try $0.departure(from: "knock") },
        reject("member.leave.self", "a stranger") { try $0.departure(from: nil) },
        reject("member.leave.self", "who left") { try $0.departure(from: "leave") },
        reject("member.leave.self", "who is banned") { try $0.departure(from: "ban") },
        accept("member.leave.sender-joined", "a member") {
            try $0.attempt("leave", of: TestRoom.carol, by: TestRoom.bob)
        },
        reject("member.leave.sender-joined", "a stranger") {
            try $0.attempt("leave", of: TestRoom.carol, by: TestRoom.dave)
        },
        reject("member.leave.sender-joined", "a moderator after leaving") { room in
            try room.setMembership(TestRoom.bob, "leave")
            return try room.attempt("leave", of: TestRoom.carol, by: TestRoom.bob)
        },
        accept("member.leave.banned", "exactly the ban level") {
            try $0.onDave("leave", from: "ban", by: TestRoom.bob)
        },
        reject("member.leave.banned", "the kick level but not the ban level") {
            try $0.onDave("leave", from: "ban", by: TestRoom.bob, levels: ["ban": 51])
        },
        accept("member.leave.banned", "the kick level only, for who is not banned") {
            try $0.onDave("leave", from: "invite", by: TestRoom.bob, levels: ["ban": 51])
        },
        accept("member.leave.level", "exactly the kick level") {
            try $0.onDave("leave", from: "join", by: TestRoom.bob)
        },
        accept("member.leave.level", "a target just below") {
            try $0.onDave("leave", from: "join", by: TestRoom.bob, levels: $0.withDave(49))
        },
        accept("member.leave.level", "a target who never was there") {
            try $0.onDave("leave", from: nil, by: TestRoom.bob)
        },
        reject("member.leave.level", "below the kick level", by: "member.leave.otherwise") {
            try $0.onDave("leave", from: "join", by: TestRoom.bob, levels: ["kick": 51])
        },
        reject("member.leave.level", "a target of the same level", by: "member.leave.otherwise") {
            try $0.onDave("leave", from: "join", by: TestRoom.bob, levels: $0.withDave(50))
        },
        reject("member.leave.level", "the creator as the target", by: "member.leave.otherwise") {
            try $0.attempt("leave", of: TestRoom.alice, by: TestRoom.bob)
        },
        accept("member.leave.level", "a creator against the highest level", in: 12...12) {
            try $0.onDave("leave", from: "join", by: TestRoom.alice, levels: $0.withDave(9_007_199_254_740_991))
        },
        reject("member.leave.level", "a creator against a creator", by: "member.leave.otherwise", in: 12...12) { room in
            try room.setCreate(["additional_creators": [.string(TestRoom.dave)]])
            return try room.onDave("leave", from: "join", by: TestRoom.alice)
        },
        accept("member.leave.otherwise", "what a rule above allows") {
            try $0.onDave("leave", from: "knock", by: TestRoom.bob)
        },
        reject("member.leave.otherwise", "a member without power") {
            try $0.onDave("leave", from: "invite", by: TestRoom.carol)
        },
        reject("member.leave.otherwise", "an unban of who has the same level") {
            try $0.onDave("leave", from: "ban", by: TestRoom.bob, levels: $0.withDave(50))
        },
    ]

    static let ban: [AuthCase] = [
        accept("member.ban.sender-joined", "a member") { try $0.attempt("ban", of: TestRoom.carol, by: TestRoom.bob) },
        reject("member.ban.sender-joined", "a stranger") {
            try $0.attempt("ban", of: TestRoom.carol, by: TestRoom.dave)
        },
        reject("member.ban.sender-joined", "a moderator after leaving") { room in
            try room.setMembership(TestRoom.bob, "leave")
            return try room.attempt("ban", of: TestRoom.carol, by: TestRoom.bob)
        },
        accept("member.ban.level", "exactly the ban level") { try $0.onDave("ban", from: "join", by: TestRoom.bob) },
        accept("member.ban.level", "a stranger as the target") { try $0.onDave("ban", from: nil, by: TestRoom.bob) },
        accept("member.ban.level", "who is banned already") { try $0.onDave("ban", from: "ban", by: TestRoom.bob) },
        accept("member.ban.level", "the kick level is not considered") {
            try $0.onDave("ban", from: "join", by: TestRoom.bob, levels: ["kick": 100])
        },
        reject("member.ban.level", "below the ban level", by: "member.ban.otherwise") {
            try $0.onDave("ban", from: "join", by: TestRoom.bob, levels: ["ban": 51])
        },
        reject("member.ban.level", "a target of the same level", by: "member.ban.otherwise") {
            try $0.onDave("ban", from: "join", by: TestRoom.bob, levels: $0.withDave(50))
        },
        reject("member.ban.level", "oneself", by: "member.ban.otherwise") {
            try $0.attempt("ban", of: TestRoom.bob, by: TestRoom.bob)
        },
        reject("member.ban.level", "an additional creator as the target", by: "member.ban.otherwise", in: 12...12) {
            room in
            try room.setCreate(["additional_creators": [.string(TestRoom.dave)]])
            return try room.onDave("ban", from: "join", by: TestRoom.alice)
        },
        accept("member.ban.otherwise", "what a rule above allows") {
            try $0.onDave("ban", from: "knock", by: TestRoom.bob)
        },
        reject("member.ban.otherwise", "a member without power") {
            try $0.onDave("ban", from: "join", by: TestRoom.carol)
        },
    ]

    static let knock: [AuthCase] = [
        accept("member.knock.join-rule", "knock") { try $0.knock(from: nil) },
        accept("member.knock.join-rule", "knock_restricted", in: 10...12) {
            try $0.knock(from: nil, under: "knock_restricted")
        },
        reject("member.knock.join-rule", "knock_restricted does not exist yet", in: 7...9) {
            try $0.knock(from: nil, under: "knock_restricted")
        },
        reject("member.knock.join-rule", "invite") { try $0.knock(from: nil, under: "invite") },
        reject("member.knock.join-rule", "public") { try $0.knock(from: nil, under: "public") },
        reject("member.knock.join-rule", "restricted") { try $0.knock(from: nil, under: "restricted") },
        reject("member.knock.join-rule", "no join rules") { room in
            room.state.remove(type: "m.room.join_rules", stateKey: "")
            return try room.attempt("knock", of: TestRoom.dave, by: TestRoom.dave)
        },
        accept("member.knock.self", "for oneself") { try $0.knock(from: nil) },
        reject("member.knock.self", "for another user") { room in
            try room.setJoinRule("knock")
            return try room.attempt("knock", of: TestRoom.dave, by: TestRoom.bob)
        },
        accept("member.knock.membership", "a stranger") { try $0.knock(from: nil) },
        accept("member.knock.membership", "who left") { try $0.knock(from: "leave") },
        accept("member.knock.membership", "who knocked") { try $0.knock(from: "knock") },
        reject("member.knock.membership", "a member", by: "member.knock.otherwise") { try $0.knock(from: "join") },
        reject("member.knock.membership", "who is invited", by: "member.knock.otherwise") {
            try $0.knock(from: "invite")
        },
        accept("member.knock.otherwise", "what a rule above allows") { try $0.knock(from: "leave") },
        reject("member.knock.otherwise", "who is banned") { try $0.knock(from: "ban") },
    ]
}
