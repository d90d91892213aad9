import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

extension TestRoom {
    /// A create event for a room of Alice's, with the creator where the version wants one.
    func createAttempt(
        _ changes: JSONObject = [:], without: String? = nil, with members: JSONObject = [:]
    ) throws -> Attempt {
        var content: JSONObject = ["room_version": .string(version.id)]
        if !version.createWithoutCreator { content["creator"] = .string(Self.alice) }
        content = content.merging(changes)
        if let without { content.removeValue(forKey: without) }
        return try attempt("m.room.create", "", by: Self.alice, content, with: members)
    }

    /// What `auth_events` names, with the create event where it must be among it.
    func named(_ others: [ResolvedAuthEvent]) -> [ResolvedAuthEvent] {
        (version.createNotInAuthEvents ? [] : [named("m.room.create", "")]) + others
    }

    func named(
        _ type: String, _ stateKey: String?, isRejected: Bool = false, in room: RoomID? = nil
    ) -> ResolvedAuthEvent {
        ResolvedAuthEvent(type: type, stateKey: stateKey, roomID: room ?? roomID, isRejected: isRejected)
    }

    /// A message of Bob's that names these events beside the create event.
    func message(naming others: [ResolvedAuthEvent]) throws -> Attempt {
        var result = try attempt("m.room.message", by: Self.bob)
        result.authEvents = named(others)
        return result
    }

    /// A change of membership that names these events beside the create event.
    func membership(
        _ membership: String, of user: String, by sender: String, _ content: JSONObject = [:],
        naming others: [ResolvedAuthEvent]
    ) throws -> Attempt {
        var result = try attempt(membership, of: user, by: sender, content)
        result.authEvents = named(others)
        return result
    }

    var bobsMembership: ResolvedAuthEvent { named("m.room.member", Self.bob) }
    var namedLevels: ResolvedAuthEvent { named("m.room.power_levels", "") }
}

extension AuthCases {
    static let create: [AuthCase] = [
        accept("create.prev-events", "nothing before it") { try $0.createAttempt() },
        reject("create.prev-events", "an event before it") { room in
            try room.createAttempt(with: ["prev_events": room.link("$previous")])
        },
        accept("create.domain", "a room of the sender's server") { try $0.createAttempt() },
        reject("create.domain", "a room of another server") {
            try $0.createAttempt(with: ["room_id": "!r:other.example.org"])
        },
        reject("create.domain", "the server on another port") {
            try $0.createAttempt(with: ["room_id": "!r:example.org:8448"])
        },
        reject("create.domain", "the server in capitals") { try $0.createAttempt(with: ["room_id": "!r:EXAMPLE.org"]) },
        reject("create.domain", "a room_id without a domain") { try $0.createAttempt(with: ["room_id": "!r"]) },
        accept("create.no-room-id", "no room_id") { try $0.createAttempt() },
        reject("create.no-room-id", "a room_id, even the right one") { room in
            try room.createAttempt(with: ["room_id": .string(room.roomID.rawValue)])
        },
        reject("create.no-room-id", "a room_id of the sender's server") {
            try $0.createAttempt(with: ["room_id": "!r:example.org"])
        },
        accept("create.room-version", "a known version") { try $0.createAttempt() },
        accept("create.room-version", "no version") { try $0.createAttempt(without: "room_version") },
        accept("create.room-version", "another known version") { try $0.createAttempt(["room_version": "1"]) },
        reject("create.room-version", "an unknown version") { try $0.createAttempt(["room_version": "13"]) },
        reject("create.room-version", "a number") { try $0.createAttempt(["room_version": 1]) },
        reject("create.room-version", "null") { try $0.createAttempt(["room_version": .null]) },
        reject("create.room-version", "a blank") { try $0.createAttempt(["room_version": "1 "]) },
        accept("create.creator", "a creator") { try $0.createAttempt() },
        accept("create.creator", "a creator that is no user ID") { try $0.createAttempt(["creator": 3]) },
        reject("create.creator", "no creator") { try $0.createAttempt(without: "creator") },
        accept("create.additional-creators", "none") { try $0.createAttempt() },
        accept("create.additional-creators", "an empty list") { try $0.createAttempt(["additional_creators": []]) },
        accept("create.additional-creators", "user IDs") {
            try $0.createAttempt(["additional_creators": [.string(TestRoom.bob), "@UPPER case:example.org:8448"]])
        },
        reject("create.additional-creators", "a string") {
            try $0.createAttempt(["additional_creators": .string(TestRoom.bob)])
        },
        reject("create.additional-creators", "null") { try $0.createAttempt(["additional_creators": .null]) },
        reject("create.additional-creators", "a number among them") {
            try $0.createAttempt(["additional_creators": [.string(TestRoom.bob), 3]])
        },
        reject("create.additional-creators", "no user ID among them") {
            try $0.createAttempt(["additional_creators": ["bob"]])
        },
        reject("create.additional-creators", "a user ID without a valid server") {
            try $0.createAttempt(["additional_creators": ["@bob:exa mple"]])
        },
        reject("create.additional-creators", "a user ID that is too long") {
            let long = "@" + String(repeating: "b", count: 250) + ":example.org"
            return try $0.createAttempt(["additional_creators": [.string(long)]])
        },
        accept("create.otherwise", "what no rule above rejects") { try $0.createAttempt(["m.federate": false]) },
        accept("create.otherwise", "additional creators mean nothing before v12", in: 1...11) {
            try $0.createAttempt(["additional_creators": "nobody"])
        },
        accept("create.otherwise", "an unusual depth and no state key") {
            try $0.attempt("m.room.create", by: TestRoom.alice, ["creator": "@a:b"], with: ["depth": 17])
        },
        reject("create.otherwise", "what a rule above rejects", by: "create.prev-events") { room in
            try room.createAttempt(with: ["prev_events": room.link("$previous")])
        },
    ]

    static let authEvents: [AuthCase] = [
        accept("room-id", "the create event's ID") { try $0.attempt("m.room.message", by: TestRoom.bob) },
        reject("room-id", "another event's ID") {
            try $0.attempt("m.room.message", by: TestRoom.bob, with: ["room_id": "!other"])
        },
        reject("room-id", "an ID with a domain") {
            try $0.attempt("m.room.message", by: TestRoom.bob, with: ["room_id": "!create:example.org"])
        },
        reject("room-id", "the ID of an event that is not the create event of the state") { room in
            var result = try room.attempt("m.room.message", by: TestRoom.bob)
            result.createEventID = try EventID(parsing: "$other")
            return result
        },
        reject("room-id", "no accepted create event") { room in
            room.state.remove(type: "m.room.create", stateKey: "")
            return try room.attempt("m.room.message", by: TestRoom.bob)
        },
        accept("auth-events.duplicate", "each entry once") { room in
            try room.message(naming: [room.namedLevels, room.bobsMembership])
        },
        reject("auth-events.duplicate", "a membership twice") { room in
            try room.message(naming: [room.bobsMembership, room.bobsMembership])
        },
        reject("auth-events.duplicate", "the power levels twice") { room in
            try room.message(naming: [room.namedLevels, room.bobsMembership, room.namedLevels])
        },
        accept("auth-events.rejected", "none is rejected") { room in
            try room.message(naming: [room.bobsMembership])
        },
        reject("auth-events.rejected", "one is rejected") { room in
            try room.message(naming: [room.named("m.room.member", TestRoom.bob, isRejected: true)])
        },
        accept("auth-events.create", "the create event") { try $0.message(naming: [$0.bobsMembership]) },
        reject("auth-events.create", "no create event") { room in
            var result = try room.attempt("m.room.message", by: TestRoom.bob)
            result.authEvents = [room.bobsMembership]
            return result
        },
        reject("auth-events.create", "nothing at all") { room in
            var result = try room.attempt("m.room.message", by: TestRoom.bob)
            result.authEvents = []
            return result
        },
        reject("auth-events.create", "no create event in the state") { room in
            room.state.remove(type: "m.room.create", stateKey: "")
            return try room.attempt("m.room.message", by: TestRoom.bob)
        },
        accept("auth-events.room-id", "all of this room") { room in
            try room.message(naming: [room.namedLevels, room.bobsMembership])
        },
        reject("auth-events.room-id", "one of another room") { room in
            let other = try RoomID(parsing: "!other:example.org")
            return try room.message(naming: [room.named("m.room.member", TestRoom.bob, in: other)])
        },
    ]
}
