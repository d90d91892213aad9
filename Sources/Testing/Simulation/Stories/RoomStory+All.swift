internal import CanonicalJSON
internal import MatrixIdentifiers
internal import RoomVersions

/// The stories in `fixtures/rooms`, told from what is published of rooms that went wrong.
extension RoomStory {
    /// Every story in the room versions that tell it.
    package static func all() throws -> [RoomStory] {
        var stories: [RoomStory] = []
        for version in [RoomVersion.v11, .v12] {
            stories += [
                try problemA(version), try problemB(version), try topicThenBan(version), try backdatedBan(version),
                try wrongClock(version),
            ]
        }
        for version in [RoomVersion.v1, .v2, .v11, .v12] {
            stories += [try chainedPromotion(version), try leftTwice(version)]
        }
        stories.append(try secondCreate(.v11))
        return stories
    }

    private static let alice = StoryTeller.alice
    private static let bob = StoryTeller.bob
    private static let charlie = StoryTeller.charlie
    private static let eve = StoryTeller.eve
    private static let zara = StoryTeller.zara
    private static let powerLevels = NaiveStateKey("m.room.power_levels")
    private static let joinRules = NaiveStateKey("m.room.join_rules")

    private static func member(_ user: String) -> NaiveStateKey { NaiveStateKey("m.room.member", user) }

    /// MSC4297, Problem A: "Conflicting events can be unauthorised by the unconflicted state".
    static func problemA(_ version: RoomVersion) throws -> RoomStory {
        var teller = try StoryTeller(version: version)
        try teller.levels()
        let wasPublic = try teller.joinRule("public")
        try teller.join(bob)
        try teller.join(charlie)
        let invite = try teller.joinRule("invite")
        let left = try teller.membership("leave", of: alice, by: alice)
        let fork = teller.branch
        let bobRenamed = try teller.join(bob, name: "Robert")
        let yellow = teller.state
        teller.branch = fork
        let charlieRenamed = try teller.join(charlie, name: "Charles")
        var blue = teller.state
        // The state at this event came from a server that had it wrong.
        blue[joinRules] = wasPublic
        return teller.story(
            "msc4297-problem-a",
            "Both forks agree that Alice left, one has an old join rule. Before v12 both join rules fail, because Alice is "
                + "not in the room, and the room has none. From v12 on the newer one stays.",
            states: [yellow, blue],
            expected: [
                joinRules: version.stateResolution == .v2_1 ? invite : nil, member(alice): left,
                member(bob): bobRenamed, member(charlie): charlieRenamed,
            ])
    }

    /// MSC4297, Problem B: "Conflicting events need extra unconflicted events in order to be authorised".
    static func problemB(_ version: RoomVersion) throws -> RoomStory {
        var teller = try StoryTeller(version: version)
        let aliceOnly = try teller.levels()
        try teller.joinRule("public")
        try teller.join(bob)
        try teller.join(charlie)
        try teller.levels([bob: 50])
        let charlieToo = try teller.levels([bob: 50, charlie: 50], by: bob)
        let fork = teller.branch
        try teller.join(eve)
        let eveRenamed = try teller.join(eve, name: "Eva")
        var magenta = teller.state
        magenta[powerLevels] = aliceOnly
        teller.branch = fork
        let zaraJoined = try teller.join(zara)
        return teller.story(
            "msc4297-problem-b",
            "Alice promotes Bob, Bob promotes Charlie; one fork has the power levels from before both. Before v12 Bob's "
                + "promotion is not replayed, Charlie's fails and the levels fall back. From v12 on they stay.",
            states: [magenta, teller.state],
            expected: [
                powerLevels: version.stateResolution == .v2_1 ? charlieToo : aliceOnly, member(eve): eveRenamed,
                member(zara): zaraJoined,
            ])
    }

    /// MSC1442, "State Resets", and matrix-spec issue 2447: what a user did before being removed.
    static func topicThenBan(_ version: RoomVersion) throws -> RoomStory {
        var teller = try StoryTeller(version: version)
        try teller.levels([bob: 50])
        try teller.joinRule("public")
        try teller.join(bob)
        let before = teller.state
        try teller.tell("m.room.topic", "", by: bob, ["topic": "Bob's"])
        let ban = try teller.membership("ban", of: bob, by: alice)
        return teller.story(
            "topic-then-ban",
            "Bob sets the topic, then is banned. An event that points both before and after this makes the ban, a power "
                + "event, come first, and the topic fails. No algorithm so far keeps it.",
            states: [before, teller.state],
            expected: [NaiveStateKey("m.room.topic"): nil, member(bob): ban])
    }

    /// A moderator who was demoted writes into the past.
    static func backdatedBan(_ version: RoomVersion) throws -> RoomStory {
        var teller = try StoryTeller(version: version)
        try teller.levels([eve: 50])
        try teller.joinRule("public")
        try teller.join(eve)
        let bobJoined = try teller.join(bob)
        let fork = teller.branch
        let demotion = try teller.levels()
        let demoted = teller.state
        teller.branch = fork
        try teller.membership("ban", of: bob, by: eve, time: 1)
        return teller.story(
            "backdated-ban",
            "Eve, demoted by Alice, bans Bob on a fork from before that, with a time from before everything. Alice's power "
                + "puts the demotion first, and the ban fails.",
            states: [demoted, teller.state],
            expected: [powerLevels: demotion, member(bob): bobJoined])
    }

    /// Ordinary events of one mainline position are ordered by their senders' clocks.
    static func wrongClock(_ version: RoomVersion) throws -> RoomStory {
        var teller = try StoryTeller(version: version)
        try teller.levels()
        try teller.joinRule("public")
        let joined = try teller.join(bob, name: "Bob", time: 900_000)
        let early = teller.state
        try teller.join(bob, name: "Robert")
        return teller.story(
            "wrong-clock",
            "Bob's server joined him with a clock that was ahead, then renames him. Where a fork still has the join, it wins: "
                + "the mainline ordering goes by time and does not see that the new name cites the join.",
            states: [early, teller.state], expected: [member(bob): joined])
    }

    /// MSC1442, cause 1 of state resets: "the algorithm does not consider previous (superseded) state changes in a fork."
    static func chainedPromotion(_ version: RoomVersion) throws -> RoomStory {
        var teller = try StoryTeller(version: version)
        let aliceOnly = try teller.levels()
        try teller.joinRule("public")
        try teller.join(bob)
        try teller.join(charlie)
        let before = teller.state
        try teller.levels([bob: 50])
        let charlieToo = try teller.levels([bob: 50, charlie: 50], by: bob)
        return teller.story(
            "chained-promotion",
            "Alice gives Bob power, Bob gives Charlie power, and an event points to before both. v1 checks Charlie's "
                + "promotion against the levels of before and falls back to them; later versions replay Bob's too.",
            states: [before, teller.state],
            expected: [powerLevels: version.stateResolution == .v1 ? aliceOnly : charlieToo])
    }

    /// matrix-org/synapse issue 1953: "(A, C) resolves to A".
    static func leftTwice(_ version: RoomVersion) throws -> RoomStory {
        var teller = try StoryTeller(version: version)
        try teller.levels()
        try teller.joinRule("public")
        try teller.join(bob)
        let first = try teller.membership("leave", of: bob, by: bob)
        let early = teller.state
        try teller.join(bob)
        let second = try teller.membership("leave", of: bob, by: bob)
        return teller.story(
            "left-twice",
            "Bob leaves, joins and leaves again, and an event points to the first leave. v1 finds that nobody who left can "
                + "leave and falls back to the first, from where it may resolve to the join; later versions take the last.",
            states: [early, teller.state],
            expected: [member(bob): version.stateResolution == .v1 ? first : second])
    }

    /// MSC4291: before v12 a room may begin twice.
    static func secondCreate(_ version: RoomVersion) throws -> RoomStory {
        let mallory = "@mallory:a.example"
        var teller = try StoryTeller(version: version)
        try teller.levels()
        let first = teller.state
        try teller.create(by: mallory)
        let create = teller.state[NaiveStateKey("m.room.create")]
        let join = teller.state[member(mallory)]
        try teller.levels([mallory: 100], by: mallory)
        return teller.story(
            "second-create",
            "Mallory, on the creator's server, makes a second beginning of the room under its ID. The later create event "
                + "replaces the first, and she is in the room without having been let in; only the power levels, which came "
                + "from a stronger sender, hold. From v12 on the ID is the hash of the one beginning.",
            states: [first, teller.state],
            expected: [
                NaiveStateKey("m.room.create"): create, powerLevels: first[powerLevels], member(mallory): join,
                member(alice): first[member(alice)],
            ])
    }
}
