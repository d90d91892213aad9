import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixIdentifiers
import PushRules
package import ReadModel

/// What is asked of ``NotificationQueries``.
package struct NotificationRequest: Sendable {
    package let asker: Asker
    /// Only what came before this position.
    package let before: UInt64?
    package let limit: Int
    package let onlyHighlights: Bool

    package init(asker: Asker, before: UInt64?, limit: Int, onlyHighlights: Bool) {
        self.asker = asker
        self.before = before
        self.limit = limit
        self.onlyHighlights = onlyHighlights
    }
}

/// Lists what a user was or would have been notified about, the newest first.
///
/// The rooms' timelines are merged by position; each event is judged as it was when it came.
package final class NotificationQueries: Sendable {
    package let views: Views
    private let rules: PushRuleCache
    /// A page ends after so many events were looked at, however few of them count.
    private static let longestWalk = 10_000

    package init(views: Views) {
        self.views = views
        rules = PushRuleCache()
    }

    /// The body of an answer to `GET /notifications`.
    package func page(_ request: NotificationRequest) throws -> [UInt8] {
        try views.snapshot { snapshot in
            var page = try NotificationPage(snapshot, request, rules: rules)
            return try page.render(longestWalk: Self.longestWalk)
        }
    }
}

/// One page in the making.
private struct NotificationPage {
    private let snapshot: Snapshot
    private let request: NotificationRequest
    private let rules: PushRuleCache
    private let user: UserNum
    private let owner: String
    private let ignored: Set<UserNum>
    private let renderer: EventRenderer
    private var walks: [RoomWalk] = []

    init(_ snapshot: Snapshot, _ request: NotificationRequest, rules: PushRuleCache) throws {
        self.snapshot = snapshot
        self.request = request
        self.rules = rules
        user = request.asker.identity.userNum
        owner = request.asker.identity.userID.rawValue
        ignored = try SyncContext.ignored(snapshot, by: user)
        renderer = EventRenderer(snapshot, asker: request.asker)
        let upTo = request.before.map { LogPosition(rawValue: $0) } ?? .newest
        var walks: [RoomWalk] = []
        try snapshot.forEachMembership(of: user) { room, row in
            // Of a room to which one is only invited there is nothing but the invitation.
            switch row.membership {
            case .join: walks.append(RoomWalk(room: room, row: row, floor: row.joinedAt, before: upTo))
            case .invite:
                walks.append(RoomWalk(room: room, row: row, floor: row.position.before, before: upTo))
            case .leave, .ban, .knock, .none: break
            }
        }
        for index in walks.indices { try walks[index].fill(snapshot) }
        self.walks = walks.filter { $0.next != nil }
    }

    mutating func render(longestWalk: Int) throws -> [UInt8] {
        var writer = JSONWriter(capacity: 4096)
        writer.splice("{\"notifications\":[")
        var found = 0
        var seen = 0
        var end: LogPosition?
        while found < request.limit, seen < longestWalk, let (walk, entry) = try next() {
            seen += 1
            end = entry.position
            if try append(entry, walk: walk, to: &writer) { found += 1 }
        }
        writer.splice("]")
        // "If this is absent, there are no more results."
        if let end, !walks.isEmpty { writer.field("next_token", String(end.rawValue)) }
        writer.splice("}")
        return writer.bytes
    }

    /// The newest event that is left, with the walk through its room.
    private mutating func next() throws -> (RoomWalk, TimelineEntry)? {
        var best: Int?
        for (index, walk) in walks.enumerated() {
            guard let position = walk.next?.position else { continue }
            if best.flatMap({ walks[$0].next?.position }).map({ position > $0 }) ?? true { best = index }
        }
        guard let best, let entry = walks[best].next else { return nil }
        try walks[best].advance(snapshot)
        let walk = walks[best]
        if walk.next == nil { walks.remove(at: best) }
        return (walk, entry)
    }

    private func append(_ entry: TimelineEntry, walk: RoomWalk, to writer: inout JSONWriter) throws -> Bool {
        if entry.sender == user || ignored.contains(entry.sender) { return false }
        if walk.row.membership == .invite, entry.position != walk.row.position { return false }
        let rules = try rules.rules(snapshot, of: user, before: entry.position).rules
        let isPlain = rules.isDefault && walk.row.membership == .join && entry.flags.isDisjoint(with: .mentions)
        if isPlain, request.onlyHighlights || !entry.flags.contains(.notifies) { return false }
        let judged = try JudgedEvent(snapshot, at: entry.position, flags: entry.flags)
        guard let outcome = try judged.outcome(rules, owner: owner), outcome.notifies,
            outcome.highlights || !request.onlyHighlights
        else { return false }
        let thread = try ThreadFinder(snapshot).thread(of: judged.row)
        let marks = try ReadMarks(snapshot, room: walk.room, user: user, joinedAt: walk.row.joinedAt)
        writer.beginObject()
        writer.field("actions", .array(outcome.actions))
        writer.key("event")
        var sight = RoomSight(snapshot, room: walk.room, user: user, row: walk.row)
        try renderer.append(
            judged.row, roomID: snapshot.text(walk.room), membership: nil, sight: &sight, to: &writer)
        writer.key("profile_tag")
        writer.null()
        writer.field("read", marks.isRead(entry.position, thread: thread))
        writer.key("room_id")
        writer.string(utf8: try snapshot.text(walk.room))
        writer.field("ts", judged.row.originServerTS)
        writer.endObject()
        return true
    }
}

/// A walk back through one room's timeline, some entries at a time.
private struct RoomWalk {
    let room: RoomNum
    let row: MembershipRow
    let floor: LogPosition
    private var before: LogPosition
    private var entries: [TimelineEntry] = []

    init(room: RoomNum, row: MembershipRow, floor: LogPosition, before: LogPosition) {
        self.room = room
        self.row = row
        self.floor = floor
        self.before = before
    }

    /// The newest entry that is left.
    var next: TimelineEntry? { entries.last }

    mutating func advance(_ snapshot: Snapshot) throws {
        guard let entry = entries.popLast() else { return }
        before = entry.position
        if entries.isEmpty { try fill(snapshot) }
    }

    mutating func fill(_ snapshot: Snapshot) throws {
        var found: [TimelineEntry] = []
        try snapshot.forEach(
            snapshot.tables.timelineOrder, from: ViewKeys.timeline(room, floor.next),
            to: ViewKeys.timeline(room, before), reversed: true, limit: 16
        ) { key, value in
            found.append(try TimelineEntry(key: key, value: value))
            return true
        }
        entries = found.reversed()
    }
}
