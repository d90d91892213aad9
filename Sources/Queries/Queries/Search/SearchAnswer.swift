import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// Writes the results of a search with all that was asked for around them.
struct SearchAnswer {
    let request: SearchRequest
    let page: SearchPage
    let asker: Asker
    let highlights: [String]

    func rendered(_ scope: inout SearchScope) throws -> [UInt8] {
        var writer = JSONWriter(capacity: 2048 + page.results.count * 1024)
        writer.beginObject()
        writer.key("search_categories")
        writer.beginObject()
        writer.key("room_events")
        writer.beginObject()
        writer.field("count", Int64(clamping: page.count))
        writer.field("highlights", highlights)
        writer.key("results")
        writer.beginArray()
        let renderer = try EventRenderer(bundling: scope.snapshot, asker: asker)
        for result in page.results {
            writer.beginObject()
            writer.field("rank", raw: Array(String(result.rank).utf8))
            writer.key("result")
            try append(result.position, renderer, &scope, to: &writer)
            if let context = request.context { try append(context, around: result, renderer, &scope, to: &writer) }
            writer.endObject()
        }
        writer.endArray()
        if request.includesState { try appendState(&scope, to: &writer) }
        if !request.groupings.isEmpty { try appendGroups(scope.snapshot, to: &writer) }
        if let next = page.next { writer.field("next_batch", next.text) }
        writer.endObject()
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private func append(
        _ position: LogPosition, _ renderer: EventRenderer, _ scope: inout SearchScope, to writer: inout JSONWriter
    ) throws {
        let event = try scope.snapshot.event(at: position)
        let membership = try scope.judge(event, at: position).membership
        var sight = try scope.sight(of: event.room)
        try renderer.append(
            event, roomID: scope.snapshot.text(event.room), membership: membership, sight: &sight, to: &writer)
    }

    // MARK: Context

    private func append(
        _ context: SearchRequest.Context, around result: SearchPage.Result, _ renderer: EventRenderer,
        _ scope: inout SearchScope, to writer: inout JSONWriter
    ) throws {
        let sightEnd = min(scope.rooms[result.room] ?? result.position, scope.snapshot.newest)
        let around = try TimelineStretch.around(
            scope.snapshot.event(at: result.position), at: result.position, scope.snapshot, upTo: sightEnd)
        let before = try scope.window(around.before, limit: context.before, in: result.room)
        let after = try scope.window(around.after, limit: context.after, in: result.room)
        let start = around.before.end(of: before, epoch: asker.epoch) ?? around.before.start(epoch: asker.epoch)
        let end = around.after.end(of: after, epoch: asker.epoch) ?? around.after.start(epoch: asker.epoch)
        writer.key("context")
        writer.beginObject()
        writer.field("start", start.description)
        writer.field("end", end.description)
        for (name, entries) in [("events_before", before.entries), ("events_after", after.entries)] {
            writer.key(name)
            writer.beginArray()
            for entry in entries { try append(entry.position, renderer, &scope, to: &writer) }
            writer.endArray()
        }
        if context.includesProfile {
            let senders = Set([result.sender] + (before.entries + after.entries).map(\.event.sender))
            try appendProfiles(
                of: senders, in: result.room, asOf: after.entries.last?.position ?? result.position, scope.snapshot,
                to: &writer)
        }
        writer.endObject()
    }

    /// "the historic profile information of the users that sent the events that were returned".
    private func appendProfiles(
        of users: Set<UserNum>, in room: RoomNum, asOf position: LogPosition, _ snapshot: Snapshot,
        to writer: inout JSONWriter
    ) throws {
        writer.key("profile_info")
        writer.beginObject()
        for user in users.sorted() {
            guard let holder = try snapshot.members([user], of: room, asOf: position).first,
                let content = ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
            else { continue }
            writer.key(utf8: try snapshot.text(user))
            writer.beginObject()
            writer.field("displayname", ifPresent: content["displayname"]?.stringValue)
            writer.field("avatar_url", ifPresent: content["avatar_url"]?.stringValue)
            writer.endObject()
        }
        writer.endObject()
    }

    // MARK: State and groups

    /// "The current state for every room in the results", of rooms that were left that of then.
    private func appendState(_ scope: inout SearchScope, to writer: inout JSONWriter) throws {
        writer.key("state")
        writer.beginObject()
        for room in Set(page.results.map(\.room)).sorted() {
            writer.key(utf8: try scope.snapshot.text(room))
            let end = scope.rooms[room] ?? .newest
            let holders = try scope.snapshot.state(of: room, at: end)
            var sight = try scope.sight(of: room)
            try StateQueries.append(holders, asker: asker, sight: &sight, to: &writer)
        }
        writer.endObject()
    }

    private func appendGroups(_ snapshot: Snapshot, to writer: inout JSONWriter) throws {
        writer.key("groups")
        writer.beginObject()
        for (grouping, groups) in page.groups {
            writer.key(grouping.rawValue)
            writer.beginObject()
            for (order, group) in groups.enumerated() {
                switch group.value {
                case .room(let room): writer.key(utf8: try snapshot.text(room))
                case .sender(let user): writer.key(utf8: try snapshot.text(user))
                }
                writer.beginObject()
                writer.field("order", Int64(order))
                if let next = group.next { writer.field("next_batch", next.text) }
                writer.key("results")
                writer.beginArray()
                for position in group.results {
                    let event = try snapshot.event(at: position)
                    writer.raw(Self.quoted(ClientEventSlices(event.clientJSON).eventID))
                }
                writer.endArray()
                writer.endObject()
            }
            writer.endObject()
        }
        writer.endObject()
    }

    /// A text that stands in JSON without its quotation marks.
    private static func quoted(_ escaped: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8(ascii: "\"")] + Array(escaped) + [UInt8(ascii: "\"")]
    }
}
