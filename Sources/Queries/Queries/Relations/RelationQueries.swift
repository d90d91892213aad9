import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// The children of events, and a room's threads.
package struct RelationQueries: Sendable {
    package let views: Views
    /// The most events of one page.
    private static let largestPage = 100
    /// "servers … should recurse at most … levels deep": three, as the specification recommends.
    private static let deepestRecursion = 3
    private static let mostRecursed = 2000

    package init(views: Views) {
        self.views = views
    }

    /// Which children are asked for.
    package struct Request: Sendable {
        package var room: RoomID
        package var parent: EventID
        package var relType: String?
        package var eventType: String?
        package var from: String?
        package var to: String?
        package var backwards: Bool
        package var limit: Int
        package var recurses: Bool

        package init(
            room: RoomID, parent: EventID, relType: String?, eventType: String?, from: String?, to: String?,
            backwards: Bool, limit: Int, recurses: Bool
        ) {
            self.room = room
            self.parent = parent
            self.relType = relType
            self.eventType = eventType
            self.from = from
            self.to = to
            self.backwards = backwards
            self.limit = limit
            self.recurses = recurses
        }

        func accepts(_ row: RelationRow) -> Bool {
            (relType.map { $0.utf8.elementsEqual(row.relType.utf8) } ?? true)
                && (eventType.map { $0.utf8.elementsEqual(row.eventType.utf8) } ?? true)
        }
    }

    // MARK: GET /rooms/{roomId}/relations/{eventId}

    /// A page of an event's children.
    package func relations(_ request: Request, by asker: Asker) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let user = asker.identity.userNum
            let access = try RoomAccess(snapshot, request.room, user: user)
            try requireVisible(request.parent, in: access, snapshot, user)
            let ignored = try SyncContext.ignored(snapshot, by: user)
            var sight = RoomSight(snapshot, room: access.room, user: user, row: access.row)
            let bounds = try bounds(request, snapshot, asker)
            var children = try children(request, in: access.room, bounds, snapshot)
            children.sort { request.backwards ? $0.position > $1.position : $0.position < $1.position }
            let limit = max(1, min(request.limit, Self.largestPage))
            var shown: [(LogPosition, EventRow, StoredMembership)] = []
            var last: LogPosition?
            var hasMore = false
            for child in children where child.position <= access.upTo && !ignored.contains(child.sender) {
                if shown.count == limit {
                    hasMore = true
                    break
                }
                let row = try snapshot.event(at: child.position)
                last = child.position
                let judgement = try sight.judge(row, at: child.position)
                if judgement.isVisible { shown.append((child.position, row, judgement.membership)) }
            }
            var writer = JSONWriter(capacity: 256 + shown.count * 640)
            writer.beginObject()
            writer.key("chunk")
            try append(shown, access.room, snapshot, asker, &sight, to: &writer)
            // "An opaque string representing a pagination token. The absence of this token means there are no more results".
            if hasMore, let last {
                writer.field("next_batch", asker.token(request.backwards ? last.before.rawValue : last.rawValue))
            }
            if let from = request.from { writer.field("prev_batch", from) }
            if request.recurses { writer.field("recursion_depth", Int64(Self.deepestRecursion)) }
            writer.endObject()
            return writer.bytes
        }
    }

    private func append(
        _ events: [(LogPosition, EventRow, StoredMembership)], _ room: RoomNum, _ snapshot: Snapshot, _ asker: Asker,
        _ sight: inout RoomSight, to writer: inout JSONWriter
    ) throws {
        let renderer = try EventRenderer(bundling: snapshot, asker: asker)
        writer.beginArray()
        for (_, row, membership) in events {
            try renderer.append(
                row, roomID: snapshot.text(room), membership: membership, sight: &sight, to: &writer)
        }
        writer.endArray()
    }

    private func requireVisible(
        _ eventID: EventID, in access: RoomAccess, _ snapshot: Snapshot, _ user: UserNum
    ) throws {
        let refusal = QueryRefusal.notFound("The event was not found, or you may not see it.")
        guard let position = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else { throw refusal }
        let event = try snapshot.event(at: position)
        var sight = RoomSight(snapshot, room: access.room, user: user, row: access.row)
        guard event.room == access.room, event.flags.isDisjoint(with: [.rejected, .softFailed]),
            try sight.judge(event, at: position).isVisible
        else { throw refusal }
    }

    private struct Bounds {
        /// The first position that counts and the one behind the last.
        let lower: LogPosition
        let upper: LogPosition
    }

    private func bounds(_ request: Request, _ snapshot: Snapshot, _ asker: Asker) throws -> Bounds {
        let head = snapshot.newest.rawValue
        let from = try request.from.map { try SyncToken(parsing: $0).checked(epoch: asker.epoch, head: head).position }
        let to = try request.to.map { try SyncToken(parsing: $0).checked(epoch: asker.epoch, head: head).position }
        // A token stands between events: behind the one whose position it has.
        let (oldest, newest) = request.backwards ? (to ?? 0, from ?? head) : (from ?? 0, to ?? head)
        return Bounds(
            lower: LogPosition(rawValue: oldest).next, upper: LogPosition(rawValue: newest).next)
    }

    private func children(
        _ request: Request, in room: RoomNum, _ bounds: Bounds, _ snapshot: Snapshot
    ) throws -> [RelationRow] {
        guard request.recurses else {
            return try direct(request.parent.rawValue, request, room, bounds, snapshot, limit: request.limit + 64)
        }
        // "recurse: Whether to additionally include events which only relate indirectly to the given event".
        var found: [LogPosition: RelationRow] = [:]
        var parents = [request.parent.rawValue]
        let everything = Bounds(lower: .first, upper: snapshot.newest.next)
        for _ in 0..<Self.deepestRecursion {
            var next: [String] = []
            for parent in parents where found.count < Self.mostRecursed {
                var open = request
                open.relType = nil
                open.eventType = nil
                let rows = try direct(parent, open, room, everything, snapshot, limit: Self.mostRecursed)
                for row in rows where found[row.position] == nil {
                    found[row.position] = row
                    let slices = ClientEventSlices(try snapshot.event(at: row.position).clientJSON)
                    next.append(ClientEventSlices.text(slices.eventID))
                }
            }
            parents = next
        }
        return found.values.filter {
            request.accepts($0) && $0.position >= bounds.lower && $0.position < bounds.upper
        }
    }

    private func direct(
        _ parent: String, _ request: Request, _ room: RoomNum, _ bounds: Bounds, _ snapshot: Snapshot, limit: Int
    ) throws -> [RelationRow] {
        let target = RelationTarget(room: room, eventID: parent)
        var rows: [RelationRow] = []
        for kind in RelationKind.allCases {
            if let relType = request.relType, RelationKind(text: relType) != kind { continue }
            var taken = 0
            try snapshot.forEach(
                snapshot.tables[.relationsByTarget], from: RelationRow.key(target, kind, bounds.lower),
                to: RelationRow.key(target, kind, bounds.upper), reversed: request.backwards
            ) { key, value in
                let row = try RelationRow(key: key, value: value)
                guard request.accepts(row) else { return true }
                rows.append(row)
                taken += 1
                return taken < limit
            }
        }
        return rows
    }

    // MARK: GET /rooms/{roomId}/threads

    /// The thread roots of a room, "sorted by the latest event in the thread".
    package func threads(
        room: RoomID, participated: Bool, from: String?, limit: Int, by asker: Asker
    ) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let user = asker.identity.userNum
            let access = try RoomAccess(snapshot, room, user: user)
            let head = snapshot.newest.rawValue
            let start = try from.map {
                try SyncToken(parsing: $0).checked(epoch: asker.epoch, head: head).position
            }
            let limit = max(1, min(limit, Self.largestPage))
            let ignored = try SyncContext.ignored(snapshot, by: user)
            var sight = RoomSight(snapshot, room: access.room, user: user, row: access.row)
            var shown: [(LogPosition, EventRow, StoredMembership)] = []
            var last: LogPosition?
            var hasMore = false
            let upper = min(access.upTo, LogPosition(rawValue: start ?? head))
            try snapshot.forEach(
                snapshot.tables[.threadsOrder], from: ThreadRow.order(access.room, .first),
                to: ThreadRow.order(access.room, upper.next), reversed: true
            ) { key, value in
                if shown.count == limit {
                    hasMore = true
                    return false
                }
                guard let number: UInt64 = key.number(at: 4) else { return true }
                last = LogPosition(rawValue: number)
                let target = try RelationTarget(reading: value)
                guard let root = try root(of: target, snapshot), !ignored.contains(root.event.sender) else {
                    return true
                }
                if participated, root.event.sender != user,
                    try !snapshot.contains(snapshot.tables[.threadsParticipants], ThreadRow.participant(target, user))
                {
                    return true
                }
                let judgement = try sight.judge(root.event, at: root.position)
                if judgement.isVisible { shown.append((root.position, root.event, judgement.membership)) }
                return true
            }
            var writer = JSONWriter(capacity: 256 + shown.count * 1024)
            writer.beginObject()
            writer.key("chunk")
            try append(shown, access.room, snapshot, asker, &sight, to: &writer)
            if hasMore, let last { writer.field("next_batch", asker.token(last.before.rawValue)) }
            writer.endObject()
            return writer.bytes
        }
    }

    private func root(
        of target: RelationTarget, _ snapshot: Snapshot
    ) throws -> (position: LogPosition, event: EventRow)? {
        let row = try snapshot.get(snapshot.tables[.threadsRows], target.key) { try ThreadRow(reading: $0) }
        guard let row, let position = try snapshot.eventPosition(snapshot.tables, row.rootID) else { return nil }
        let event = try snapshot.event(at: position)
        guard event.room == target.room, event.flags.isDisjoint(with: [.rejected, .softFailed]) else { return nil }
        return (position, event)
    }

    // MARK: Checks before sending

    /// Whether an event is itself a child of another; false for one that is not known.
    package func isChild(_ eventID: EventID) throws -> Bool {
        try views.snapshot { snapshot in
            guard let position = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else { return false }
            return try snapshot.contains(snapshot.tables[.relationsByChild], ViewKeys.event(position))
        }
    }

    /// Whether a user has annotated an event with a key already, by an event of a type.
    package func hasAnnotation(
        of parent: EventID, in room: RoomID, by user: UserID, type: String, key: String
    ) throws -> Bool {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room), let user = try snapshot.number(of: user) else {
                return false
            }
            let target = RelationTarget(room: room, eventID: parent.rawValue)
            var isFound = false
            try snapshot.forEach(
                snapshot.tables[.relationsByTarget], prefix: RelationRow.prefix(target, .annotation)
            ) { entryKey, value in
                let row = try RelationRow(key: entryKey, value: value)
                guard row.sender == user, row.eventType.utf8.elementsEqual(type.utf8) else { return true }
                let content = ClientEventSlices(try snapshot.event(at: row.position).clientJSON).parsedContent
                isFound = content?["m.relates_to"]?["key"]?.stringValue?.utf8.elementsEqual(key.utf8) == true
                return !isFound
            }
            return isFound
        }
    }
}
