import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// What people call a room.
struct RoomNaming {
    private let snapshot: Snapshot
    private let room: RoomNum
    private let user: UserNum

    init(_ snapshot: Snapshot, room: RoomNum, user: UserNum) {
        self.snapshot = snapshot
        self.room = room
        self.user = user
    }

    func alias() throws -> String? { try text("m.room.canonical_alias", "alias") }

    /// "If the room has an `m.room.name` […] use the name given by that event. If the room has an
    /// `m.room.canonical_alias` […] use the alias given by that event […] If the room has neither […] a room name should be
    /// composed based on the members of the room."
    func name() throws -> String? {
        if let name = try text("m.room.name", "name") { return name }
        if let alias = try alias() { return alias }
        var names: [String] = []
        var others = 0
        try snapshot.forEachMember(of: room) { member, row in
            guard member != user, row.membership == .join || row.membership == .invite else { return true }
            others += 1
            guard names.count < 2 else { return others < 1000 }
            let profile = try JSONValueReader.object(row.profileJSON)
            let userID = String(decoding: try snapshot.text(member), as: UTF8.self)
            names.append(profile?["display_name"]?.stringValue ?? userID)
            return true
        }
        switch (others, names.count) {
        case (1, 1): return names[0]
        case (2, 2): return "\(names[0]) and \(names[1])"
        case (3..., 2): return "\(names[0]) and \(others - 1) others"
        default: return nil
        }
    }

    private func text(_ type: String, _ member: String) throws -> String? {
        guard let holder = try snapshot.currentHolder(room, type) else { return nil }
        let content = ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
        guard let text = content?[member]?.stringValue, !text.isEmpty else { return nil }
        return text
    }
}
