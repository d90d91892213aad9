import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import StateResolution

/// A room whose state events are made one by one, each on a state that the test gives.
struct FastRoom {
    typealias State = [StateSlot: EventNumber]

    let version: RoomVersion
    var source = MemoryResolutionSource()
    private let roomID: RoomID
    private var made = 0

    /// Alice created it, rules it and is joined; anyone may join.
    init(_ version: RoomVersion) throws {
        self.version = version
        let createID = try Self.eventID(0, version: version)
        roomID = version.roomIDIsCreateHash ? RoomID(createEventID: createID) : try RoomID(parsing: "!r:a.org")
    }

    /// The state with which rooms begin.
    mutating func beginning() throws -> State {
        var state: State = [:]
        var content: JSONObject = ["room_version": .string(version.id)]
        if !version.createWithoutCreator { content["creator"] = "@alice:a.org" }
        try send("m.room.create", "", by: "@alice:a.org", content, to: &state)
        try join("@alice:a.org", in: &state)
        try setLevels([:], by: "@alice:a.org", in: &state)
        try setJoinRule("public", by: "@alice:a.org", in: &state)
        return state
    }

    @discardableResult
    mutating func send(
        _ type: String, _ stateKey: String, by sender: String, _ content: JSONObject, to state: inout State,
        at time: Int64? = nil, authEvents: [EventNumber]? = nil
    ) throws -> EventNumber {
        let isCreate = type == "m.room.create"
        var named: [JSONValue] = []
        if let authEvents {
            for event in authEvents { named.append(link(try source.eventID(of: event))) }
        } else {
            let user = try UserID(parsing: sender)
            let keys = AuthEventSelection.keys(
                type: type, sender: user, stateKey: stateKey, content: content, version: version)
            for key in keys {
                guard let slot = source.slot(type: key.type, stateKey: key.stateKey), let event = state[slot] else {
                    continue
                }
                named.append(link(try source.eventID(of: event)))
            }
        }
        let eventID = try Self.eventID(made, version: version)
        made += 1
        var object: JSONObject = [
            "auth_events": .array(named), "content": .object(content), "depth": .integer(Int64(made)),
            "origin_server_ts": .integer(time ?? Int64(made) * 1_000),
            "prev_events": isCreate ? [] : [link(try EventID(parsing: "$previous:a.org"))],
            "sender": .string(sender), "state_key": .string(stateKey), "type": .string(type),
        ]
        if !(isCreate && version.roomIDIsCreateHash) { object["room_id"] = .string(roomID.rawValue) }
        if version.eventIDFormat == .opaque { object["event_id"] = .string(eventID.rawValue) }
        let number = try source.append(PDU(draft: object, version: version), eventID: eventID)
        state[try source.authRow(of: number).slot] = number
        return number
    }

    @discardableResult
    mutating func join(_ user: String, in state: inout State, at time: Int64? = nil) throws -> EventNumber {
        try send("m.room.member", user, by: user, ["membership": "join"], to: &state, at: time)
    }

    @discardableResult
    mutating func ban(_ user: String, by sender: String, in state: inout State) throws -> EventNumber {
        try send("m.room.member", user, by: sender, ["membership": "ban"], to: &state)
    }

    @discardableResult
    mutating func setLevels(
        _ users: JSONObject, by sender: String, in state: inout State, at time: Int64? = nil
    ) throws -> EventNumber {
        var all = users
        if !version.privilegedCreators { all["@alice:a.org"] = 100 }
        return try send("m.room.power_levels", "", by: sender, ["users": .object(all)], to: &state, at: time)
    }

    @discardableResult
    mutating func setJoinRule(_ rule: String, by sender: String, in state: inout State) throws -> EventNumber {
        try send("m.room.join_rules", "", by: sender, ["join_rule": .string(rule)], to: &state)
    }

    @discardableResult
    mutating func setTopic(
        _ topic: String, by sender: String, in state: inout State, at time: Int64? = nil
    ) throws -> EventNumber {
        try send("m.room.topic", "", by: sender, ["topic": .string(topic)], to: &state, at: time)
    }

    func event(_ type: String, _ stateKey: String = "", in state: State) -> EventNumber? {
        source.slot(type: type, stateKey: stateKey).flatMap { state[$0] }
    }

    func resolve(_ states: [State]) throws -> State {
        try StateResolver.resolve(states: states, version: version, source: source)
    }

    private static func eventID(_ number: Int, version: RoomVersion) throws -> EventID {
        try EventID(parsing: version.eventIDFormat == .opaque ? "$\(number):a.org" : "$\(number)")
    }

    private func link(_ eventID: EventID) -> JSONValue {
        guard version.eventIDFormat == .opaque else { return .string(eventID.rawValue) }
        return [.string(eventID.rawValue), ["sha256": "AA"]]
    }
}
