import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixIdentifiers
import ReadModel

/// One room under `rooms.invite` or `rooms.knock`: stripped state for one who is not yet in the room.
struct StrippedRoomSection {
    let context: SyncContext

    /// Whether the room belongs into the answer.
    func concerns(_ row: MembershipRow) -> Bool {
        guard row.membership == .invite || row.membership == .knock, !row.isForgotten else { return false }
        return context.isInitial || context.request.fullState || row.position > context.since
    }

    /// - Returns: whether the room was appended; an invitation that the user does not want is not.
    func append(room: RoomNum, row: MembershipRow, to writer: inout JSONWriter) throws -> Bool {
        let snapshot = context.snapshot
        let own = try snapshot.event(at: row.position)
        if row.membership == .invite,
            try snapshot.hidesInvite(from: own.sender, to: context.user, ignoring: context.ignored)
        {
            return false
        }
        writer.key(utf8: try snapshot.text(room))
        writer.beginObject()
        writer.key(row.membership == .invite ? "invite_state" : "knock_state")
        writer.splice("{\"events\":[")
        try StrippedState(snapshot: snapshot, renderer: context.renderer).append(room: room, row: row, to: &writer)
        writer.splice("]}")
        writer.endObject()
        return true
    }
}

/// The state of a room that one who is not in it may see.
struct StrippedState {
    let snapshot: Snapshot
    let renderer: EventRenderer

    /// "Stripped state should contain some or all of the following state events"; the create event "is now required".
    private static let types = [
        "m.room.create", "m.room.name", "m.room.avatar", "m.room.topic", "m.room.join_rules",
        "m.room.canonical_alias", "m.room.encryption",
    ]

    /// Appends the events as they were at the invitation or knock, the user's own member event last.
    func append(room: RoomNum, row: MembershipRow, to writer: inout JSONWriter) throws {
        let own = try snapshot.event(at: row.position)
        if let outside = try snapshot.outside(renderer.user, room, at: row.position) {
            for event in outside.roomStateJSON { writer.raw(event) }
            return renderer.appendStripped(own, to: &writer)
        }
        for type in Self.types {
            guard let holder = try snapshot.holder(room, type, asOf: row.position) else { continue }
            renderer.appendStripped(try snapshot.event(at: holder), to: &writer)
        }
        if own.sender != renderer.user {
            let senders = try snapshot.members([own.sender], of: room, asOf: row.position)
            for holder in senders { renderer.appendStripped(try snapshot.event(at: holder), to: &writer) }
        }
        renderer.appendStripped(own, to: &writer)
    }
}
