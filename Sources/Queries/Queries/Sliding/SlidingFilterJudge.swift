import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// Asks of rooms whether the filters of a list let them through.
struct SlidingFilterJudge {
    let context: SlidingContext
    let filter: SlidingRoomFilter
    /// The rooms of the filter's spaces.
    private let inSpaces: Set<RoomNum>?

    init(_ context: SlidingContext, _ filter: SlidingRoomFilter) throws {
        self.context = context
        self.filter = filter
        inSpaces = try filter.spaces.map { try Self.rooms(ofSpaces: $0, context) }
    }

    func allows(_ listed: ListedRoom) throws -> Bool {
        if let isInvited = filter.isInvited, isInvited != (listed.row.membership == .invite) { return false }
        if let isDM = filter.isDM, isDM != context.direct.contains(listed.room) { return false }
        if let inSpaces, !inSpaces.contains(listed.room) { return false }
        if !filter.notRoomTypes.isEmpty || filter.roomTypes != nil {
            // "If a type is in both `room_types` and `not_room_types`, then `not_room_types` wins".
            if filter.notRoomTypes.contains(where: { Self.isSame($0, listed.activity?.roomType) }) { return false }
            if let types = filter.roomTypes, !types.contains(where: { Self.isSame($0, listed.activity?.roomType) }) {
                return false
            }
        }
        if let isEncrypted = filter.isEncrypted, try isEncrypted != self.isEncrypted(listed) { return false }
        if filter.tags != nil || !filter.notTags.isEmpty {
            let tags = try self.tags(of: listed.room)
            // "`not_tags` takes priority over `tags`."
            if filter.notTags.contains(where: { tags.contains(SameBytes($0)) }) { return false }
            if let wanted = filter.tags, !wanted.contains(where: { tags.contains(SameBytes($0)) }) { return false }
        }
        if let like = filter.nameLike {
            guard let name = try context.name(of: listed.room, asOf: listed.end(context)) else { return false }
            return name.lowercased().contains(like)
        }
        return true
    }

    private static func isSame(_ wanted: String?, _ type: UnsafeRawBufferPointer?) -> Bool {
        guard let wanted, let type else { return wanted == nil && type == nil }
        return type.elementsEqual(wanted.utf8)
    }

    private func isEncrypted(_ listed: ListedRoom) throws -> Bool {
        try context.slots.holder(listed.room, "m.room.encryption", asOf: listed.end(context)) != nil
    }

    private func tags(of room: RoomNum) throws -> Set<SameBytes> {
        guard let row = try context.snapshot.accountData(context.user, room, "m.tag"),
            let tags = try JSONValueReader.object(row.contentJSON)?["tags"]?.objectValue
        else { return [] }
        return Set(tags.keys.map(SameBytes.init))
    }

    /// "The server will inspect the `m.space.child` state events for the JOINED space room IDs given. Servers MUST NOT
    /// navigate subspaces."
    private static func rooms(ofSpaces spaces: [String], _ context: SlidingContext) throws -> Set<RoomNum> {
        let snapshot = context.snapshot
        var rooms: Set<RoomNum> = []
        for spaceID in spaces {
            guard let space = try snapshot.room(snapshot.tables, spaceID),
                try snapshot.membership(of: context.user, in: space)?.membership == .join
            else { continue }
            try snapshot.forEachStateEntry(snapshot.tables, space) { entry in
                guard !entry.holder.isNone, let name = try context.slots.name(entry.slot), name.type == "m.space.child",
                    let child = try snapshot.room(snapshot.tables, name.stateKey)
                else { return true }
                // A child without `via` is none.
                let content = ClientEventSlices(try snapshot.event(at: entry.holder).clientJSON).parsedContent
                if content?["via"]?.arrayValue?.isEmpty == false { rooms.insert(child) }
                return true
            }
        }
        return rooms
    }
}

extension ListedRoom {
    /// The last record whose state the user may know.
    func end(_ context: SlidingContext) -> LogPosition {
        switch row.membership {
        case .join: context.upTo
        case .invite, .knock: row.position
        case .leave, .ban, .none: row.leftAt.isNone ? row.position : row.leftAt
        }
    }
}

extension SlidingContext {
    /// A string of the content of a state event; nil when there is none, or an empty one.
    func text(_ room: RoomNum, _ type: String, _ member: String, asOf end: LogPosition) throws -> String? {
        guard let holder = try slots.holder(room, type, asOf: end) else { return nil }
        let content = ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
        guard let text = content?[member]?.stringValue, !text.isEmpty else { return nil }
        return text
    }

    /// What a list shows for the room: its name or its main alias.
    func name(of room: RoomNum, asOf end: LogPosition) throws -> String? {
        try text(room, "m.room.name", "name", asOf: end)
            ?? text(room, "m.room.canonical_alias", "alias", asOf: end)
    }
}
