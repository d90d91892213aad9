import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

/// A room of some version with a state that tests change at will.
///
/// Alice created the room and has level 100 (infinite in v12), Bob has 50, Carol 0; all three are joined. Dave is not.
struct TestRoom {
    static let alice = "@alice:example.org"
    static let bob = "@bob:example.org"
    static let carol = "@carol:example.org"
    static let dave = "@dave:other.example.org"

    let version: RoomVersion
    let createID: EventID
    let roomID: RoomID
    var state = DictionaryAuthState()

    init(_ version: RoomVersion, create: JSONObject = [:]) throws {
        self.version = version
        createID = try EventID(parsing: version.eventIDFormat == .opaque ? "$create:example.org" : "$create")
        roomID = version.roomIDIsCreateHash ? RoomID(createEventID: createID) : try RoomID(parsing: "!r:example.org")
        var content: JSONObject = ["room_version": .string(version.id)]
        if !version.createWithoutCreator { content["creator"] = .string(Self.alice) }
        try set("m.room.create", by: Self.alice, content.merging(create))
        for user in [Self.alice, Self.bob, Self.carol] {
            try set("m.room.member", user, by: user, ["membership": "join"])
        }
        try set("m.room.join_rules", by: Self.alice, ["join_rule": "invite"])
        try setLevels()
    }

    /// Sets the power levels, by default those of the room's beginning.
    mutating func setLevels(_ changes: JSONObject = [:]) throws {
        try set("m.room.power_levels", by: Self.alice, levels(changes))
    }

    func levels(_ changes: JSONObject = [:]) -> JSONObject {
        var users: JSONObject = [Self.bob: 50]
        if !version.privilegedCreators { users[Self.alice] = 100 }
        return JSONObject([("users", .object(users))]).merging(changes)
    }

    /// Puts an event into the state, allowed or not.
    mutating func set(_ type: String, _ stateKey: String = "", by sender: String, _ content: JSONObject) throws {
        state.insert(try event(type, stateKey, by: sender, content))
    }

    mutating func setMembership(_ user: String, _ membership: String) throws {
        try set("m.room.member", user, by: user, ["membership": .string(membership)])
    }

    mutating func setJoinRule(_ rule: String) throws {
        try set("m.room.join_rules", by: Self.alice, ["join_rule": .string(rule)])
    }

    func event(
        _ type: String,
        _ stateKey: String? = nil,
        by sender: String,
        _ content: JSONObject,
        with changes: JSONObject = [:]
    ) throws -> PDU {
        let isCreate = type == "m.room.create"
        var object: JSONObject = [
            "auth_events": [], "content": .object(content), "depth": 5, "origin_server_ts": 1,
            "prev_events": isCreate ? [] : link("$previous"), "sender": .string(sender), "type": .string(type),
        ]
        if !(isCreate && version.roomIDIsCreateHash) { object["room_id"] = .string(roomID.rawValue) }
        if let stateKey { object["state_key"] = .string(stateKey) }
        if version.eventIDFormat == .opaque { object["event_id"] = "$e:example.org" }
        return try PDU(draft: object.merging(changes), version: version)
    }

    /// A list that names one event, in the form of the room version.
    func link(_ eventID: String) -> JSONValue {
        guard version.eventIDFormat == .opaque else { return [.string(eventID)] }
        return [[.string(eventID.contains(":") ? eventID : eventID + ":example.org"), ["sha256": "AA"]]]
    }

    /// The number of the rule that rejects an event, or nil when it is allowed.
    func verdict(
        _ pdu: PDU,
        createEventID: EventID? = nil,
        authEvents: [ResolvedAuthEvent]? = nil,
        isSignedByAuthoriser: Bool = true
    ) throws -> String? {
        let eventID = try EventID(parsing: version.eventIDFormat == .opaque ? "$e:example.org" : "$e")
        do throws(AuthRejection) {
            try EventAuthorizer.check(
                pdu,
                eventID: eventID,
                roomID: roomID,
                version: version,
                state: state,
                createEventID: createEventID ?? createID,
                authEvents: authEvents,
                isSignedByAuthoriser: isSignedByAuthoriser
            )
            return nil
        } catch {
            return error.rule
        }
    }

    /// As `verdict(_:)`, for an event made on the way.
    func verdict(
        _ type: String, _ stateKey: String? = nil, by sender: String, _ content: JSONObject = [:]
    ) throws -> String? {
        try verdict(event(type, stateKey, by: sender, content))
    }

    /// The verdict on a change of membership.
    func verdict(
        _ membership: String, of user: String, by sender: String, _ content: JSONObject = [:]
    ) throws -> String? {
        let content = content.merging(["membership": .string(membership)])
        return try verdict(event("m.room.member", user, by: sender, content))
    }
}
