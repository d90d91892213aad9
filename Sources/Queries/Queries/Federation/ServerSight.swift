import EventLog
import KeyValueStore
import MatrixEvents
import MatrixIdentifiers
import ReadModel

/// What another server may see of one room, event by event: what any of its users may see.
struct ServerSight {
    /// How an event is given to the server.
    enum View {
        case whole
        /// What a redaction leaves of it.
        case redacted
    }

    private let server: ServerName
    private let snapshot: Snapshot
    private let room: RoomNum
    /// Whether a user of the server is joined now.
    let isInRoom: Bool
    /// Its users that have or had anything to do with the room.
    private let users: [UserNum]
    private var slots: Slots?
    /// What the events that hold the visibility say.
    private var visibilities: [LogPosition: HistoryVisibility] = [:]

    /// The visibility's entry of state; nil where no room has one.
    private struct Slots {
        let visibility: SlotNum?
        /// The member entries of the first users, as far as they were asked for.
        var members: [SlotNum?] = []
    }

    init(_ server: ServerName, _ snapshot: Snapshot, room: RoomNum, residents: ServerCensus.Residents?) {
        self.server = server
        self.snapshot = snapshot
        self.room = room
        isInRoom = residents.map { $0.joined > 0 } ?? false
        users = residents?.users ?? []
    }

    /// How the server is given an event that it asks for.
    mutating func view(of event: EventRow, at position: LogPosition) throws -> View {
        try isVisible(event, at: position) && !isErased(event) ? .whole : .redacted
    }

    /// Whether the history visibility at the event lets the server see it.
    ///
    /// "The rules governing whether a user is allowed to see an event depend on the state of the room *at that event*."
    mutating func isVisible(_ event: EventRow, at position: LogPosition) throws -> Bool {
        // What is known without its place is part of some state, and that is given whole to every server in the room.
        if event.flags.contains(.outlier) { return isInRoom }
        let slot = try visibilitySlot()
        let after = try snapshot.snapshot(snapshot.tables, room, after: position)
        let visibility = try visibility(in: after, slot)
        if visibility == .worldReadable { return true }
        // A member of the server saw it come, or joined since.
        if isInRoom, visibility == .shared { return true }
        // The users' own memberships are always seen: an invitation and its end concern them.
        if event.membership != .none, let key = ClientEventSlices(event.clientJSON).stateKey,
            UserID(ClientEventSlices.text(key))?.isOn(server) == true
        {
            return true
        }
        var visibilityBefore: HistoryVisibility?
        if !event.slot.isNone, event.slot == slot {
            visibilityBefore = try self.visibility(
                in: try snapshot.snapshot(snapshot.tables, room, before: position), slot)
        }
        for (index, user) in users.enumerated() {
            let holder = try memberSlot(index).map { try snapshot.holder(snapshot.tables, after, $0) } ?? .none
            let membership = holder.isNone ? StoredMembership.none : try snapshot.event(at: holder).membership
            let row = try snapshot.membership(of: user, in: room)
            let sight = EventVisibility(
                visibility: visibility, visibilityBefore: visibilityBefore,
                membership: membership == .none ? nil : Membership(rawValue: membership.text),
                joinedLater: row.map { $0.joinedAt > position } ?? false)
            if sight.isVisible { return true }
        }
        return visibilityBefore == .worldReadable
    }

    /// "Erasure means that any users (or servers) which join the room after the erasure request are served redacted copies of
    /// the events sent by this account."
    private func isErased(_ event: EventRow) throws -> Bool {
        guard try snapshot.account(event.sender)?.isErased == true else { return false }
        // An account leaves its rooms when it is closed: who came before that has seen its events.
        guard let theirs = try snapshot.membership(of: event.sender, in: room) else { return true }
        return try !users.contains { user in
            guard let own = try snapshot.membership(of: user, in: room) else { return false }
            return !own.joinedAt.isNone && own.joinedAt <= theirs.leftAt
        }
    }

    private mutating func visibility(in state: StateSnapshot, _ slot: SlotNum?) throws -> HistoryVisibility {
        guard let slot else { return .shared }
        let holder = try snapshot.holder(snapshot.tables, state, slot)
        if holder.isNone { return .shared }
        if let known = visibilities[holder] { return known }
        let content = ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
        let visibility = HistoryVisibility(content: content)
        visibilities[holder] = visibility
        return visibility
    }

    private mutating func visibilitySlot() throws -> SlotNum? {
        if let slots { return slots.visibility }
        let slot = try snapshot.slot("m.room.history_visibility", "")
        slots = Slots(visibility: slot)
        return slot
    }

    /// The member entry of one of the users: most often the first of them settles the question.
    private mutating func memberSlot(_ index: Int) throws -> SlotNum? {
        if let known = slots?.members, index < known.count { return known[index] }
        let userID = String(decoding: try snapshot.text(users[index]), as: UTF8.self)
        let slot = try snapshot.slot("m.room.member", userID)
        slots?.members.append(slot)
        return slot
    }
}
