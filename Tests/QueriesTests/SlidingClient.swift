import CanonicalJSON
import MatrixIdentifiers
import Queries

/// A client of sliding sync, as simple as one can be: it keeps what answers tell, and forgets what they say to forget.
struct SlidingClient {
    struct Room {
        var name: String?
        var isDM = false
        var membership = ""
        var joined: Int64 = 0
        var notifications: Int64 = 0
        /// Event IDs by type and state key, without members that came lazily.
        var state: [String: String] = [:]
        /// The newest events without a gap, oldest first.
        var timeline: [String] = []
        /// Whether the room's first event is in the timeline.
        var lists: [String] = []
        var bump: Int64 = 0
        var initials = 0
    }

    let world: World
    let queries: SlidingSyncQueries
    let user: String
    var device = "DEV"
    var dialect = SlidingDialect.unstable
    var pos: String?
    var rooms: [String: Room] = [:]
    var counts: [String: Int64] = [:]
    /// Account data by type, of rooms by room and type.
    var accountData: [String: JSONValue] = [:]
    var typing: [String: [String]] = [:]
    /// By room, event, kind and user.
    var receipts: Set<String> = []
    var toDeviceNext: String?

    init(_ world: World, _ user: String, connections: SlidingConnections = SlidingConnections()) {
        self.world = world
        self.user = user
        queries = SlidingSyncQueries(beside: world.sync, connections: connections)
    }

    /// Asks, without taking notice of the answer.
    func ask(_ body: JSONObject, pos: String?) throws -> (answer: JSONValue, hasNews: Bool) {
        var body = body
        if let pos { body["pos"] = .string(pos) }
        let request = try SlidingSyncRequest(body, me: user)
        let answer = try queries.look(request, asker: world.asker(user, device: device), dialect: dialect)
        return (try JSONValue.parse(queries.finish(answer)), answer.hasNews)
    }

    /// Asks and takes in what comes.
    @discardableResult
    mutating func sync(_ body: JSONObject) throws -> JSONValue {
        let answer = try ask(body, pos: pos).answer
        take(answer)
        return answer
    }

    /// Forgets everything.
    mutating func restart() {
        pos = nil
        rooms = [:]
        counts = [:]
        accountData = [:]
        typing = [:]
        receipts = []
    }

    mutating func take(_ answer: JSONValue) {
        pos = answer["pos"]?.stringValue
        for (name, list) in answer["lists"]?.objectValue ?? [:] { counts[name] = list["count"]?.integerValue }
        for (roomID, told) in answer["rooms"]?.objectValue ?? [:] { take(told, of: roomID) }
        let extensions = answer["extensions"]
        for event in extensions?["account_data"]?["global"]?.arrayValue ?? [] {
            accountData[event["type"]?.stringValue ?? ""] = event["content"]
        }
        for (roomID, events) in extensions?["account_data"]?["rooms"]?.objectValue ?? [:] {
            for event in events.arrayValue ?? [] {
                accountData[roomID + " " + (event["type"]?.stringValue ?? "")] = event["content"]
            }
        }
        for (roomID, event) in extensions?["typing"]?["rooms"]?.objectValue ?? [:] {
            typing[roomID] = event["content"]?["user_ids"]?.arrayValue?.compactMap(\.stringValue)
        }
        for (roomID, event) in extensions?["receipts"]?["rooms"]?.objectValue ?? [:] {
            for (eventID, kinds) in event["content"]?.objectValue ?? [:] {
                for (kind, users) in kinds.objectValue ?? [:] {
                    for user in users.objectValue?.keys ?? [] {
                        // A user's receipt of a kind is at one event.
                        receipts = receipts.filter { !($0.hasPrefix(roomID + " ") && $0.hasSuffix(" \(kind) \(user)")) }
                        receipts.insert("\(roomID) \(eventID) \(kind) \(user)")
                    }
                }
            }
        }
        if let next = extensions?["to_device"]?["next_batch"]?.stringValue { toDeviceNext = next }
    }

    private mutating func take(_ told: JSONValue, of roomID: String) {
        let isInitial = told["initial"]?.boolValue == true
        var room = isInitial ? Room() : rooms[roomID] ?? Room()
        if isInitial { room.initials = (rooms[roomID]?.initials ?? 0) + 1 }
        if let name = told["name"] { room.name = name.stringValue }
        if let isDM = told["is_dm"]?.boolValue { room.isDM = isDM }
        if let membership = told["membership"]?.stringValue { room.membership = membership }
        if let joined = told["joined_count"]?.integerValue { room.joined = joined }
        if let count = told["notification_count"]?.integerValue { room.notifications = count }
        if let bump = told["bump_stamp"]?.integerValue { room.bump = bump }
        room.lists = told["lists"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let isLimited = told["limited"]?.boolValue == true
        // "clients must flush any "membership" cache when `limited` is true."
        if isLimited { room.state = room.state.filter { !$0.key.hasPrefix("m.room.member ") || wanted($0.key) } }
        for event in told["required_state"]?.arrayValue ?? [] {
            let key = (event["type"]?.stringValue ?? "") + " " + (event["state_key"]?.stringValue ?? "")
            room.state[key] = event["content"] == nil ? nil : event["event_id"]?.stringValue
        }
        let isExpanded = told["unstable_expanded_timeline"]?.boolValue ?? told["expanded_timeline"]?.boolValue ?? false
        if isLimited || isExpanded { room.timeline = [] }
        room.timeline += (told["timeline"]?.arrayValue ?? []).ids
        rooms[roomID] = room
    }

    /// Member events that are kept whatever the timeline says.
    var wantedMembers: Set<String> = []
    private func wanted(_ key: String) -> Bool { wantedMembers.contains(key) }
}
