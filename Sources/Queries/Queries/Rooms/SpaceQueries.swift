import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixEvents
package import MatrixIdentifiers
package import ReadModel

/// Summaries of rooms that one might join, one by one or as the tree of a space.
package struct SpaceQueries: Sendable {
    package let views: Views
    private static let largestPage = 50
    private static let deepestTree = 20
    private static let mostChildren = 1000

    package init(views: Views) {
        self.views = views
    }

    // MARK: GET /room_summary/{roomIdOrAlias}

    /// A summary of a room that the asker may know of; "404: The room could not be found" otherwise.
    ///
    /// - Parameter user: nil for one who is not logged in.
    package func summary(of roomID: RoomID, for user: UserNum?) throws -> [UInt8] {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: roomID), let head = try snapshot.head(of: room),
                try mayKnow(room, user, snapshot)
            else { throw QueryRefusal.notFound("Room not found.") }
            let describer = try RoomDescriber(snapshot)
            var writer = JSONWriter(capacity: 512)
            writer.beginObject()
            try describer.describe(room, head).appendMembers(to: &writer)
            try describer.details(room, head).appendMembers(to: &writer)
            if let user, let row = try snapshot.membership(of: user, in: room), row.membership != .none {
                writer.field("membership", row.membership.text)
            }
            writer.endObject()
            return writer.bytes
        }
    }

    /// "The server should return any rooms where at least one of the following conditions is true: …"
    private func mayKnow(_ room: RoomNum, _ user: UserNum?, _ snapshot: Snapshot) throws -> Bool {
        // "The requesting user is currently a member", "The user's room membership is invite".
        if let user, let row = try snapshot.membership(of: user, in: room),
            row.membership == .join || row.membership == .invite
        {
            return true
        }
        if try RoomSight.isWorldReadable(snapshot, room) { return true }
        let holder = try snapshot.currentHolder(room, "m.room.join_rules")
        let content = try holder.flatMap {
            ClientEventSlices(try snapshot.event(at: $0).clientJSON).parsedContent
        }
        switch content?["join_rule"]?.stringValue {
        // "The room's join rules are set to public", "The room is knockable".
        case "public", "knock", "knock_restricted": return true
        // "The room's join rules are set to restricted, provided the user meets one of the specified conditions."
        case "restricted":
            guard let user, let head = try snapshot.head(of: room) else { return false }
            return try RoomDescriber.allowedRooms(content, head).contains { allowed in
                guard let other = try snapshot.number(of: allowed) else { return false }
                return try snapshot.membership(of: user, in: other)?.membership == .join
            }
        default: return false
        }
    }

    // MARK: GET /rooms/{roomId}/hierarchy

    /// What a page of a space's tree is made from; a token carries all of it but the room and the limit.
    package struct HierarchyRequest: Sendable {
        package var room: RoomID
        package var suggestedOnly: Bool
        package var maxDepth: Int?
        package var limit: Int
        package var from: String?

        package init(room: RoomID, suggestedOnly: Bool, maxDepth: Int?, limit: Int, from: String?) {
            self.room = room
            self.suggestedOnly = suggestedOnly
            self.maxDepth = maxDepth
            self.limit = limit
            self.from = from
        }

        /// How many rooms of the walk were shown before.
        func offset() throws -> Int {
            guard let from else { return 0 }
            let parts = from.split(separator: "_", omittingEmptySubsequences: false)
            guard parts.count == 4, parts[0] == "h", let offset = Int(parts[1]), offset > 0, offset < 1 << 20 else {
                throw QueryRefusal.invalid("The from token is unknown.")
            }
            // "suggested_only or max_depth changed during pagination."
            guard parts[2] == Self.text(suggestedOnly), parts[3] == Self.text(maxDepth) else {
                throw QueryRefusal.invalid("suggested_only and max_depth cannot change on paginated requests")
            }
            return offset
        }

        func token(offset: Int) -> String { "h_\(offset)_\(Self.text(suggestedOnly))_\(Self.text(maxDepth))" }

        private static func text(_ flag: Bool) -> String { flag ? "s" : "a" }
        private static func text(_ depth: Int?) -> String { depth.map(String.init) ?? "n" }
    }

    struct Child {
        let roomID: String
        let position: LogPosition
        let order: String?
        let timestamp: Int64
        let isSuggested: Bool
    }

    /// A page of the tree below a space, "in a depth-first manner".
    package func hierarchy(_ request: HierarchyRequest, by asker: Asker) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let user = asker.identity.userNum
            guard let root = try snapshot.number(of: request.room), try snapshot.head(of: root) != nil,
                try mayKnow(root, user, snapshot)
            else { throw QueryRefusal.notInRoom }
            let offset = try request.offset()
            let limit = max(1, min(request.limit, Self.largestPage))
            let deepest = min(request.maxDepth ?? Self.deepestTree, Self.deepestTree)
            let describer = try RoomDescriber(snapshot)
            var stack: [(room: RoomNum, depth: Int)] = [(root, 0)]
            var seen: Set<RoomNum> = []
            var walked = 0
            var shown = 0
            var hasMore = false
            var writer = JSONWriter(capacity: 4096)
            writer.beginObject()
            writer.key("rooms")
            writer.beginArray()
            while let (room, depth) = stack.popLast() {
                // "it is still possible for loops to occur. Servers should gracefully break loops."
                guard seen.insert(room).inserted, let head = try snapshot.head(of: room),
                    try mayKnow(room, user, snapshot)
                else { continue }
                if shown == limit {
                    hasMore = true
                    break
                }
                let children = try children(of: room, suggestedOnly: request.suggestedOnly, snapshot)
                walked += 1
                if walked > offset {
                    shown += 1
                    try append(room, head, children, describer, snapshot, to: &writer)
                }
                guard depth < deepest else { continue }
                for child in children.reversed() {
                    guard let number = try snapshot.room(snapshot.tables, child.roomID) else { continue }
                    stack.append((number, depth + 1))
                }
            }
            writer.endArray()
            if hasMore { writer.field("next_batch", request.token(offset: walked)) }
            writer.endObject()
            return writer.bytes
        }
    }

    func append(
        _ room: RoomNum, _ head: RoomHead, _ children: [Child], _ describer: RoomDescriber, _ snapshot: Snapshot,
        to writer: inout JSONWriter
    ) throws {
        writer.beginObject()
        try describer.describe(room, head).appendMembers(to: &writer)
        try describer.details(room, head).appendMembers(to: &writer)
        writer.key("children_state")
        writer.beginArray()
        for child in children {
            // "represented as Stripped State Events with an added origin_server_ts key."
            let slices = ClientEventSlices(try snapshot.event(at: child.position).clientJSON)
            writer.beginObject()
            writer.field("type", escaped: slices.type)
            writer.field("state_key", escaped: slices.stateKey ?? UnsafeRawBufferPointer(start: nil, count: 0))
            writer.field("sender", escaped: slices.sender)
            writer.field("content", raw: slices.content)
            writer.field("origin_server_ts", child.timestamp)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    /// The valid children of a space in the order of the specification: by `order`, then age, then room ID.
    func children(of room: RoomNum, suggestedOnly: Bool, _ snapshot: Snapshot) throws -> [Child] {
        guard try isSpace(room, snapshot) else { return [] }
        var children: [Child] = []
        for holder in try snapshot.currentState(of: room) where children.count < Self.mostChildren {
            let event = try snapshot.event(at: holder)
            let slices = ClientEventSlices(event.clientJSON)
            guard slices.type.elementsEqual("m.space.child".utf8), let stateKey = slices.stateKey,
                let content = slices.parsedContent, content["via"]?.arrayValue?.isEmpty == false
            else { continue }
            let isSuggested = content["suggested"]?.boolValue == true
            if suggestedOnly, !isSuggested { continue }
            children.append(
                Child(
                    roomID: ClientEventSlices.text(stateKey), position: holder,
                    order: content["order"]?.stringValue.flatMap(Self.validOrder), timestamp: event.originServerTS,
                    isSuggested: isSuggested))
        }
        return children.sorted { left, right in
            switch (left.order, right.order) {
            case (let one?, let other?) where one != other:
                return one.utf8.lexicographicallyPrecedes(other.utf8)
            case (.some, nil): return true
            case (nil, .some): return false
            default:
                if left.timestamp != right.timestamp { return left.timestamp < right.timestamp }
                return left.roomID.utf8.lexicographicallyPrecedes(right.roomID.utf8)
            }
        }
    }

    private func isSpace(_ room: RoomNum, _ snapshot: Snapshot) throws -> Bool {
        guard let holder = try snapshot.currentHolder(room, "m.room.create") else { return false }
        let content = ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
        return content?["type"]?.stringValue == "m.space"
    }

    /// "order is not a string, or the string contains characters outside the range \x20 to \x7E, or is longer than 50
    /// characters": then it counts as absent.
    private static func validOrder(_ text: String) -> String? {
        text.utf8.count <= 50 && text.utf8.allSatisfy { 0x20...0x7E ~= $0 } ? text : nil
    }
}
