import MatrixIdentifiers
import RoomVersions
import StateResolution

/// A large public room: members, twenty moderators, power levels that change now and then.
struct GeneratedRoom {
    typealias State = [StateSlot: EventNumber]

    static let moderatorCount = 20

    let version: RoomVersion
    var stored: StoredRoom
    private(set) var memberCount = 0
    private var random = BenchRandom(word: 1)
    private var clock: Int64 = 1_700_000_000_000
    private var levelChanges = 0
    private let roomID: String
    private let createID: String

    /// The state in which the room begins.
    static func begin(_ version: RoomVersion) throws -> (room: GeneratedRoom, state: State) {
        var room = GeneratedRoom(version)
        var state: State = [:]
        let creator = version.createWithoutCreator ? "" : #""creator":"@u0:server0.example.org","#
        try room.send(
            "m.room.create", "", by: 0, #"{\#(creator)"room_version":"\#(version.id)"}"#, [], to: &state)
        try room.setMembership(0, "join", by: 0, to: &state)
        try room.changeLevels(to: &state)
        try room.send(
            "m.room.join_rules", "", by: 0, #"{"join_rule":"public"}"#, room.always(0), to: &state)
        room.memberCount = 1
        return (room, state)
    }

    private init(_ version: RoomVersion) {
        self.version = version
        stored = StoredRoom(version: version)
        createID = "$" + random.text(43)
        roomID = version.roomIDIsCreateHash ? "!" + createID.dropFirst() : "!room:server0.example.org"
    }

    static func user(_ index: Int) -> String { "@u\(index):server\(index % 997).example.org" }

    /// Lets new users join, one in ten by invitation; the power levels change with every 200th.
    mutating func join(_ count: Int, to state: inout State) throws {
        for _ in 0..<count {
            let user = memberCount
            memberCount += 1
            if user % 10 == 9 { try setMembership(user, "invite", by: random.below(user), to: &state) }
            try setMembership(user, "join", by: user, to: &state)
            if user % 200 == 150 { try changeLevels(to: &state) }
        }
    }

    @discardableResult
    mutating func setMembership(
        _ user: Int, _ membership: String, by sender: Int, to state: inout State
    ) throws -> EventNumber {
        let name = Self.user(user)
        var named = always(sender)
        if sender != user { named.append(("m.room.member", name)) }
        if membership != "leave", membership != "ban" { named.append(("m.room.join_rules", "")) }
        let content = #"{"displayname":"\#(random.text(12))","membership":"\#(membership)"}"#
        return try send("m.room.member", name, by: sender, content, named, to: &state)
    }

    /// New power levels by the creator: fifty users, twenty of them moderators.
    mutating func changeLevels(to state: inout State) throws {
        levelChanges += 1
        var users = (1...50).map { #""\#(Self.user($0))":\#($0 <= Self.moderatorCount ? 50 : 1)"# }
        if !version.privilegedCreators { users.append(#""\#(Self.user(0))":100"#) }
        let content =
            #"{"ban":50,"events":{"m.room.name":50,"m.room.topic":50},"events_default":0,"kick":50,"#
            + #""notifications":{"room":\#(levelChanges % 50)},"users":{\#(users.sorted().joined(separator: ","))}}"#
        try send("m.room.power_levels", "", by: 0, content, always(0), to: &state)
    }

    mutating func setTopic(by sender: Int, to state: inout State) throws {
        try send("m.room.topic", "", by: sender, #"{"topic":"\#(random.text(40))"}"#, always(sender), to: &state)
    }

    private func always(_ sender: Int) -> [(String, String)] {
        [("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.member", Self.user(sender))]
    }

    @discardableResult
    private mutating func send(
        _ type: String, _ stateKey: String, by sender: Int, _ content: String, _ auth: [(String, String)],
        to state: inout State
    ) throws -> EventNumber {
        var authEvents: [EventNumber] = []
        for (type, stateKey) in auth where !(version.createNotInAuthEvents && type == "m.room.create") {
            guard let slot = stored.slot(type: type, stateKey: stateKey), let event = state[slot] else { continue }
            authEvents.append(event)
        }
        let isCreate = type == "m.room.create"
        let named = try authEvents.map { #""\#(try stored.eventID(of: $0).rawValue)""# }.joined(separator: ",")
        let eventID = isCreate ? createID : "$" + random.text(43)
        clock += Int64(random.below(5))
        let room = isCreate && version.roomIDIsCreateHash ? "" : #""room_id":"\#(roomID)","#
        let text =
            #"{"auth_events":[\#(named)],"content":\#(content),"depth":\#(stored.count + 1),"#
            + #""hashes":{"sha256":"\#(random.text(43))"},"origin_server_ts":\#(clock),"#
            + #""prev_events":[\#(isCreate ? "" : "\"$" + random.text(43) + "\"")],\#(room)"#
            + #""sender":"\#(Self.user(sender))","signatures":{"server\#(sender % 997).example.org":"#
            + #"{"ed25519:key1":"\#(random.text(86))"}},"state_key":"\#(stateKey)","type":"\#(type)"}"#
        let added = try stored.append(
            Array(text.utf8), eventID: EventID(parsing: eventID), authEvents: authEvents)
        state[added.slot] = added.number
        return added.number
    }
}

/// Numbers and texts that are the same in every run.
struct BenchRandom {
    var word: UInt64

    mutating func below(_ bound: Int) -> Int {
        word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((word >> 33) % UInt64(max(1, bound)))
    }

    mutating func text(_ count: Int) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return String(decoding: (0..<count).map { _ in letters[below(64)] }, as: UTF8.self)
    }
}
