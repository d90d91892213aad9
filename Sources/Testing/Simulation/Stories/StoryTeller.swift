internal import CanonicalJSON
internal import EventAuthorization
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// Builds a story event by event, with the IDs and auth events that servers would give.
struct StoryTeller {
    static let alice = "@alice:a.example"
    static let bob = "@bob:b.example"
    static let charlie = "@charlie:c.example"
    static let eve = "@eve:e.example"
    static let zara = "@zara:z.example"

    let version: RoomVersion
    private var maker: EventMaker
    private(set) var events: [EventID: PDU] = [:]
    private(set) var order: [EventID] = []
    /// The end of the history that the next event goes on.
    var branch = RoomBranch(state: [:], heads: [], depth: 0)
    private var time: Int64 = 1_000

    /// Begins with the room's creation by Alice and her join.
    init(version: RoomVersion) throws {
        self.version = version
        maker = EventMaker(version: version, roomID: RoomID("!story:a.example"))
        try create(by: Self.alice)
    }

    var state: NaiveState { branch.state }

    /// Begins the room at its create event and the creator's join; a second time, another beginning of the same room.
    mutating func create(by creator: String) throws {
        branch = RoomBranch(state: [:], heads: [], depth: 0)
        var content: JSONObject = ["room_version": .string(version.id)]
        if !version.createWithoutCreator { content["creator"] = .string(creator) }
        let create = try tell("m.room.create", "", by: creator, content)
        if version.roomIDIsCreateHash { maker.roomID = RoomID(createEventID: create) }
        try join(creator)
    }

    /// Adds an event to the branch.
    @discardableResult
    mutating func tell(
        _ type: String, _ stateKey: String, by sender: String, _ content: JSONObject, time given: Int64? = nil
    ) throws -> EventID {
        guard let user = UserID(sender), let opaque = EventID("$e\(order.count):a.example") else {
            throw RoomStoryError.badIdentifier
        }
        time += 1_000
        let entries = AuthEventSelection.keys(
            type: type, sender: user, stateKey: stateKey, content: content, version: version)
        let place = EventMaker.Place(
            prevEvents: branch.heads,
            authEvents: entries.compactMap { branch.state[NaiveStateKey($0.type, $0.stateKey)] },
            depth: branch.depth + 1, time: given ?? time)
        let draft = EventMaker.Draft(type, stateKey, by: sender, content)
        let (eventID, pdu) = try maker.identified(draft, at: place, opaque: opaque)
        events[eventID] = pdu
        order.append(eventID)
        branch.state[NaiveStateKey(type, stateKey)] = eventID
        branch.heads = [eventID]
        branch.depth += 1
        return eventID
    }

    @discardableResult
    mutating func join(_ user: String, name: String? = nil, time: Int64? = nil) throws -> EventID {
        var content: JSONObject = ["membership": "join"]
        if let name { content["displayname"] = .string(name) }
        return try tell("m.room.member", user, by: user, content, time: time)
    }

    @discardableResult
    mutating func membership(
        _ membership: String, of user: String, by sender: String, time: Int64? = nil
    ) throws -> EventID {
        try tell("m.room.member", user, by: sender, ["membership": .string(membership)], time: time)
    }

    @discardableResult
    mutating func joinRule(_ rule: String) throws -> EventID {
        try tell("m.room.join_rules", "", by: Self.alice, ["join_rule": .string(rule)])
    }

    /// Sets the levels of users; Alice's 100 is written where the version does not give her more.
    @discardableResult
    mutating func levels(_ levels: JSONObject = [:], by sender: String = Self.alice) throws -> EventID {
        var users = levels
        if !version.privilegedCreators, sender != "@mallory:a.example" { users[Self.alice] = 100 }
        return try tell("m.room.power_levels", "", by: sender, ["users": .object(users)])
    }

    /// The story so far, with what must come of resolving these states.
    func story(
        _ name: String, _ about: String, states: [NaiveState], expected: [NaiveStateKey: EventID?]
    ) -> RoomStory {
        RoomStory(
            name: name, about: about, version: version, roomID: maker.roomID ?? RoomID(createEventID: order[0]),
            events: events, order: order, states: states, expected: expected)
    }
}
