import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixIdentifiers
import ReadModel
import SearchIndex

/// Which events of those that match a user may find.
struct SearchScope {
    let snapshot: Snapshot
    let user: UserNum
    let filter: EventFilter
    /// The rooms, with the last record of each that is searched.
    let rooms: [RoomNum: LogPosition]
    private let ignored: Set<UserNum>
    private var sights: [RoomNum: RoomSight] = [:]

    /// How many rooms a chain of upgrades is followed back.
    private static let longestChain = 32

    /// "all rooms that the user has been in, including those that they have left … it won't include events in rooms that
    /// happened after you left."
    init(_ snapshot: Snapshot, user: UserNum, filter: EventFilter) throws {
        self.snapshot = snapshot
        self.user = user
        var own: [RoomNum: LogPosition] = [:]
        try snapshot.forEachMembership(of: user) { room, row in
            if row.membership == .join {
                own[room] = .newest
            } else if !row.joinedAt.isNone, !row.leftAt.isNone, !row.isForgotten {
                own[room] = row.leftAt
            }
        }
        let wanted = try filter.rooms.map { try Self.withPredecessors($0, snapshot) }
        let unwanted = Set(try filter.notRooms.compactMap { try Self.room($0, snapshot) })
        rooms = own.filter { room, _ in wanted?.contains(room) != false && !unwanted.contains(room) }
        ignored = try SyncContext.ignored(snapshot, by: user)
        var rest = filter
        rest.rooms = nil
        rest.notRooms = []
        self.filter = rest
    }

    /// A room of a filter, which is kept in the form of rendered events.
    private static func room(_ escaped: [UInt8], _ snapshot: Snapshot) throws -> RoomNum? {
        try snapshot.room(snapshot.tables, escaped.withUnsafeBytes { ClientEventSlices.text($0) })
    }

    /// The rooms with those that they replaced: to its members an upgraded room is one.
    private static func withPredecessors(_ names: [[UInt8]], _ snapshot: Snapshot) throws -> Set<RoomNum> {
        var found: Set<RoomNum> = []
        for name in names {
            var next = try room(name, snapshot)
            var steps = 0
            while let room = next, steps < longestChain, found.insert(room).inserted {
                steps += 1
                next = nil
                guard let create = try snapshot.currentHolder(room, "m.room.create") else { continue }
                let content = ClientEventSlices(try snapshot.event(at: create).clientJSON).parsedContent
                next = try content?["predecessor"]?["room_id"]?.stringValue.flatMap {
                    try snapshot.room(snapshot.tables, $0)
                }
            }
        }
        return found
    }

    /// The names of the rooms, when there are few enough to ask for each.
    var roomNames: [String]? {
        get throws {
            guard rooms.count <= SearchExpression.mostRooms else { return nil }
            return try rooms.keys.sorted().map { String(decoding: try snapshot.text($0), as: UTF8.self) }
        }
    }

    /// Where a user may find an event; nil when they may not.
    mutating func find(_ position: LogPosition) throws -> (room: RoomNum, sender: UserNum)? {
        // The index may be ahead of the snapshot, and behind it with what was redacted since.
        guard let event = try snapshot.eventRow(snapshot.tables, position), let end = rooms[event.room],
            position <= end,
            event.flags.isDisjoint(with: [.redacted, .rejected, .softFailed]), !ignored.contains(event.sender),
            filter.allowsEveryEvent || filter.allows(ClientEventSlices(event.clientJSON)),
            try judge(event, at: position).isVisible
        else { return nil }
        return (event.room, event.sender)
    }

    mutating func judge(_ event: EventRow, at position: LogPosition) throws -> RoomSight.Judgement {
        var sight = try sight(of: event.room)
        defer { sights[event.room] = sight }
        return try sight.judge(event, at: position)
    }

    /// What the user sees of a room, loaded once for all events of it.
    func sight(of room: RoomNum) throws -> RoomSight {
        try sights[room] ?? RoomSight(snapshot, room: room, user: user)
    }

    /// The events around one, as they may be seen.
    mutating func window(_ stretch: TimelineStretch, limit: Int, in room: RoomNum) throws -> TimelineWindow {
        var sight = try sight(of: room)
        defer { sights[room] = sight }
        return try stretch.window(limit: limit, filter: EventFilter(), ignoring: ignored, sight: &sight)
    }
}
