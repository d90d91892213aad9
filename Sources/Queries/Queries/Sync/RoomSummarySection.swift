import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// "Information about the room which clients may need to correctly render it to users."
struct RoomSummarySection {
    let context: SyncContext

    /// Appends the summary and answers who the heroes are.
    func append(room: RoomNum, head: RoomHead, to writer: inout JSONWriter) throws -> [UserNum] {
        let heroes = try isNamed(room) ? nil : context.snapshot.heroes(of: room, head, without: context.user)
        writer.key("summary")
        writer.beginObject()
        if let heroes {
            writer.key("m.heroes")
            writer.beginArray()
            for hero in heroes { writer.string(utf8: try context.snapshot.text(hero)) }
            writer.endArray()
        }
        writer.field("m.joined_member_count", Int(clamping: head.joinedCount))
        writer.field("m.invited_member_count", Int(clamping: head.invitedCount))
        writer.endObject()
        return heroes ?? []
    }

    /// "Required if the room's `m.room.name` or `m.room.canonical_alias` state events are unset or empty."
    private func isNamed(_ room: RoomNum) throws -> Bool {
        let snapshot = context.snapshot
        for (type, member) in [("m.room.name", "name"), ("m.room.canonical_alias", "alias")] {
            guard let holder = try snapshot.currentHolder(room, type) else { continue }
            let content = ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
            if content?[member]?.stringValue?.isEmpty == false { return true }
        }
        return false
    }
}

extension Snapshot {
    /// "This should be the first 5 members of the room, ordered by stream ordering, which are joined or invited. The list
    /// must never include the client's own user ID. When no joined or invited members are available, this should consist of
    /// the banned and left users."
    func heroes(of room: RoomNum, _ head: RoomHead, without own: UserNum) throws -> [UserNum] {
        var present: [(LogPosition, UserNum)] = []
        var gone: [(LogPosition, UserNum)] = []
        // Above so many members the heroes are those whom the server met first, not those who came first.
        let isLarge = head.joinedCount + head.invitedCount > 512
        try forEachMember(of: room) { user, row in
            if user == own { return true }
            switch row.membership {
            case .join, .invite: present.append((row.position, user))
            case .leave, .ban: if present.isEmpty { gone.append((row.position, user)) }
            case .none, .knock: break
            }
            return !isLarge || present.count < 5
        }
        let chosen = present.isEmpty ? gone : present
        return chosen.sorted { $0.0 < $1.0 }.prefix(5).map(\.1)
    }
}
