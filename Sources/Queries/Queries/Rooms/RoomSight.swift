import EventLog
import KeyValueStore
import MatrixEvents
import ReadModel

/// What one user may see of one room, event by event.
///
/// "The rules governing whether a user is allowed to see an event depend on the state of the room *at that event*." The
/// user's memberships and the room's visibilities over time are loaded only when an event needs them: for one who has been
/// in the room since before the event, the row alone decides.
struct RoomSight {
    /// What an event is to the user.
    struct Judgement {
        let isVisible: Bool
        /// The user's membership "at the point of the event, including any changes caused by the event".
        let membership: StoredMembership
    }

    private struct Change<Value> {
        let since: LogPosition
        let value: Value
    }

    private struct History {
        var memberSlot: SlotNum?
        var visibilitySlot: SlotNum?
        var memberships: [Change<StoredMembership>] = []
        var visibilities: [Change<HistoryVisibility>] = []
        /// Where the user last joined, or changed their profile as a member.
        var lastJoin = LogPosition.none
    }

    let snapshot: Snapshot
    let room: RoomNum
    let user: UserNum?
    let row: MembershipRow?
    private var history: History?
    /// Whether the room has events that came late.
    private var hasPast: Bool?

    init(_ snapshot: Snapshot, room: RoomNum, user: UserNum?) throws {
        try self.init(
            snapshot, room: room, user: user, row: user.flatMap { try snapshot.membership(of: $0, in: room) })
    }

    init(_ snapshot: Snapshot, room: RoomNum, user: UserNum?, row: MembershipRow?) {
        self.snapshot = snapshot
        self.room = room
        self.user = user
        self.row = row
    }

    mutating func judge(_ event: EventRow, at position: LogPosition) throws -> Judgement {
        if try isBackfilled(event, at: position) { return try judgePast(event, at: position) }
        if let row, row.membership == .join, position >= row.joinedAt {
            return Judgement(isVisible: true, membership: .join)
        }
        let history = try loaded()
        let membership = Self.value(of: history.memberships, at: position) ?? .none
        // The user's own memberships are always seen: an invitation and its end concern nobody more.
        if !event.slot.isNone, event.slot == history.memberSlot {
            return Judgement(isVisible: true, membership: membership)
        }
        var sight = EventVisibility(
            visibility: Self.value(of: history.visibilities, at: position) ?? .shared,
            membership: Membership(rawValue: membership.text), joinedLater: history.lastJoin > position)
        if !event.slot.isNone, event.slot == history.visibilitySlot {
            sight.visibilityBefore = Self.value(of: history.visibilities, at: position.before) ?? .shared
        }
        return Judgement(isVisible: sight.isVisible, membership: membership)
    }

    private mutating func isBackfilled(_ event: EventRow, at position: LogPosition) throws -> Bool {
        if hasPast == nil { hasPast = try snapshot.head(of: room).map { $0.backfilledCount > 0 } ?? false }
        guard hasPast == true else { return false }
        return try snapshot.pastEntry(snapshot.tables, room, depth: event.depth, position)?.isBackfilled ?? false
    }

    /// An event that came when later ones were known: its own state decides, not that of the time when it came.
    private mutating func judgePast(_ event: EventRow, at position: LogPosition) throws -> Judgement {
        let history = try loaded()
        let tables = snapshot.tables
        let before = try snapshot.snapshot(tables, room, before: position)
        let after = try snapshot.snapshot(tables, room, after: position)
        func holder(_ slot: SlotNum?, in state: StateSnapshot) throws -> EventRow? {
            guard let slot else { return nil }
            let holder = try snapshot.holder(tables, state, slot)
            return holder.isNone ? nil : try snapshot.event(at: holder)
        }
        func visibility(in state: StateSnapshot) throws -> HistoryVisibility {
            try holder(history.visibilitySlot, in: state)
                .map { HistoryVisibility(content: ClientEventSlices($0.clientJSON).parsedContent) } ?? .shared
        }
        let membership = try holder(history.memberSlot, in: after)?.membership ?? .none
        if !event.slot.isNone, event.slot == history.memberSlot {
            return Judgement(isVisible: true, membership: membership)
        }
        let lastJoin = history.lastJoin.isNone ? nil : try snapshot.event(at: history.lastJoin)
        var sight = EventVisibility(
            visibility: try visibility(in: after), membership: Membership(rawValue: membership.text),
            joinedLater: row?.membership == .join || lastJoin.map { $0.depth > event.depth } ?? false)
        if !event.slot.isNone, event.slot == history.visibilitySlot {
            sight.visibilityBefore = try visibility(in: before)
        }
        return Judgement(isVisible: sight.isVisible, membership: membership)
    }

    private static func value<Value>(of changes: [Change<Value>], at position: LogPosition) -> Value? {
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].since <= position { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : changes[low - 1].value
    }

    // MARK: Loading

    private mutating func loaded() throws -> History {
        if let history { return history }
        var history = History()
        history.visibilitySlot = try snapshot.slot("m.room.history_visibility", "")
        if let slot = history.visibilitySlot {
            try forEachHolder(of: slot) { since, holder in
                let content = try holder.map { ClientEventSlices(try snapshot.event(at: $0).clientJSON).parsedContent }
                history.visibilities.append(Change(since: since, value: HistoryVisibility(content: content ?? nil)))
            }
        }
        if let user {
            let userID = String(decoding: try snapshot.text(user), as: UTF8.self)
            history.memberSlot = try snapshot.slot("m.room.member", userID)
        }
        if let slot = history.memberSlot {
            try forEachHolder(of: slot) { since, holder in
                let membership = try holder.map { try snapshot.event(at: $0).membership } ?? .none
                history.memberships.append(Change(since: since, value: membership))
                if membership == .join { history.lastJoin = since }
            }
        }
        self.history = history
        return history
    }

    private func forEachHolder(of slot: SlotNum, _ body: (LogPosition, LogPosition?) throws -> Void) throws {
        try snapshot.forEach(snapshot.tables.stateHistory, prefix: ViewKeys.stateEntry(room, slot)) { key, value in
            let row = try StateHistoryRow(key: key, value: value)
            try body(row.since, row.holder.isNone ? nil : row.holder)
            return true
        }
    }

    /// Whether anyone at all may see what happens in the room now.
    static func isWorldReadable(_ snapshot: Snapshot, _ room: RoomNum) throws -> Bool {
        guard let holder = try snapshot.currentHolder(room, "m.room.history_visibility") else { return false }
        let content = ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
        return HistoryVisibility(content: content) == .worldReadable
    }
}
