import CanonicalJSON
import EventLog
import KeyValueStore
package import ReadModel

/// Answers sliding syncs (MSC4186): the windows on a user's rooms that a client asks for, and what it does not have of them.
///
/// It is a query over the same views as `/sync`, from the same position. What the client has is remembered per connection.
package final class SlidingSyncQueries: Sendable {
    package let views: Views
    package let connections: SlidingConnections
    private let typing: EphemeralState
    private let notifier: ChangeNotifier
    private let unread: UnreadCounter
    private let direct = DirectChats()

    /// - Parameter sync: what both need, such as counts of unread events, is remembered once.
    package init(beside sync: SyncQueries, connections: SlidingConnections = SlidingConnections()) {
        views = sync.views
        typing = sync.typing
        notifier = sync.notifier
        unread = sync.unread
        self.connections = connections
    }

    /// Looks once; whether to wait and look again is for the caller, who ends with ``finish(_:)``.
    ///
    /// - Throws: ``QueryRefusal`` with `M_UNKNOWN_POS` for a `pos` that is not, or no longer, of this connection.
    package func look(
        _ request: SlidingSyncRequest, asker: Asker, dialect: SlidingDialect
    ) throws -> SlidingAnswer {
        let start = try start(request, asker)
        // Read before the snapshot: what changes in between is told twice rather than never.
        let typingVersion = typing.version
        return try views.snapshot { snapshot in
            let context = try context(request, asker, dialect, start, snapshot)
            let scope = try SlidingScope(context)
            var writer = JSONWriter(capacity: context.isInitial ? 1 << 16 : 2048)
            writer.beginObject()
            var change = SlidingChange(next: context.state)
            change.next.rooms = [:]
            var news = try appendLists(context, scope, &change, to: &writer)
            var timelines: [RoomNum: [LogPosition]] = [:]
            news += try appendRooms(context, scope, &change, &timelines, to: &writer)
            var extensions = SlidingExtensionSections(
                context: context, scope: scope, typing: typing, typingVersion: typingVersion, timelines: timelines)
            try extensions.append(to: &writer)
            news += extensions.news
            change.next.extensions = extensions.state
            change.next.track.advance(to: snapshot.newest.rawValue, scope: scope.rooms)
            change.next.position = snapshot.newest
            change.next.ephemeral = typingVersion
            let token = SyncToken(epoch: asker.epoch, position: snapshot.newest.rawValue, ephemeral: typingVersion)
            let hasNews = news > 0 || context.isInitial
            return SlidingAnswer(
                hasNews: hasNews, token: token, waitUser: context.user,
                waitRooms: hasNews ? [] : try joinedRooms(context), bytes: writer.bytes, start: start, change: change)
        }
    }

    /// Completes an answer that is sent: it gets its `pos`.
    package func finish(_ answer: SlidingAnswer) -> [UInt8] {
        let pos = connections.finish(answer.start, answer.change)
        var writer = JSONWriter(capacity: 0)
        writer.bytes = answer.bytes
        writer.field("pos", "\(answer.token)~\(pos.text)")
        writer.endObject()
        return writer.bytes
    }

    // MARK: What an answer depends on

    private func start(_ request: SlidingSyncRequest, _ asker: Asker) throws(QueryRefusal) -> SlidingConnections.Start {
        let key = SlidingConnections.Key(
            user: asker.identity.userNum, deviceID: SameBytes(asker.identity.deviceID ?? ""),
            name: SameBytes(request.connectionID))
        guard let text = request.pos else { return try connections.start(key, pos: nil) }
        let parts = text.split(separator: "~", maxSplits: 1)
        // What is no `pos` at all cannot be known either: the client begins anew, which mends it.
        let pos = parts.count == 2 ? SlidingPos(parsing: parts[1]) : nil
        return try connections.start(key, pos: pos ?? SlidingPos(life: 0, number: 0))
    }

    private func context(
        _ request: SlidingSyncRequest, _ asker: Asker, _ dialect: SlidingDialect, _ start: SlidingConnections.Start,
        _ snapshot: Snapshot
    ) throws -> SlidingContext {
        let user = asker.identity.userNum
        let ignored = try SyncContext.ignored(snapshot, by: user)
        var renderer = EventRenderer(snapshot, asker: asker)
        renderer.relations = BundledRelations(snapshot, asker: user, ignored: ignored)
        let (direct, changedAt) = try direct.rooms(of: user, snapshot)
        return SlidingContext(
            snapshot: snapshot, asker: asker, request: request, dialect: dialect, state: start.state,
            isInitial: start.isInitial, upTo: snapshot.newest, renderer: renderer, unread: unread, ignored: ignored,
            direct: direct, directMayDiffer: changedAt > start.state.position, slots: SlotLookup(snapshot),
            touched: start.isInitial
                ? nil
                : notifier.recent.rooms(
                    after: start.state.position.rawValue, upTo: snapshot.newest.rawValue, limit: 1024,
                    longestWalk: 4096))
    }

    /// What a long poll waits for: any of these may come into a window.
    private func joinedRooms(_ context: SlidingContext) throws -> [RoomNum] {
        var rooms: [RoomNum] = []
        try context.snapshot.forEachMembership(of: context.user) { room, row in
            if row.membership == .join { rooms.append(room) }
        }
        return rooms
    }

    // MARK: Lists and rooms

    private func appendLists(
        _ context: SlidingContext, _ scope: SlidingScope, _ change: inout SlidingChange, to writer: inout JSONWriter
    ) throws -> Int {
        var news = 0
        writer.key("lists")
        writer.beginObject()
        var counts: [SameBytes: Int] = [:]
        for (list, count) in zip(context.request.lists, scope.counts) {
            writer.key(list.name)
            writer.object { $0.field("count", count) }
            let name = SameBytes(list.name)
            if context.state.counts[name] != count { news += 1 }
            counts[name] = count
        }
        writer.endObject()
        change.next.counts = counts
        return news
    }

    private func appendRooms(
        _ context: SlidingContext, _ scope: SlidingScope, _ change: inout SlidingChange,
        _ timelines: inout [RoomNum: [LogPosition]], to writer: inout JSONWriter
    ) throws -> Int {
        var configs = SlidingConfigs(context.request)
        var news = 0
        writer.key("rooms")
        writer.beginObject()
        for room in scope.order {
            guard let entry = scope.entries[room] else { continue }
            let sent = context.state.rooms[room]
            let config = configs.config(of: entry, before: sent?.config)
            if try isSettled(context, entry, sent, config) { continue }
            let since = context.state.track.since(room).map(LogPosition.init(rawValue:))
            let section = SlidingRoomSection(
                context: context, listed: entry.listed, config: config, lists: scope.listNames(of: entry), sent: sent,
                since: since)
            let outcome = try section.append(to: &writer)
            change.rooms[room] = outcome.sent
            if outcome.isWritten { news += 1 }
            if !outcome.timeline.isEmpty { timelines[room] = outcome.timeline }
        }
        writer.endObject()
        if !change.rooms.isEmpty { change.elements = configs.elements }
        return news
    }

    /// Whether a room that the client has cannot have anything new, found out without looking into it.
    private func isSettled(
        _ context: SlidingContext, _ entry: SlidingScope.Entry, _ sent: SentRoom?, _ config: SlidingRoomConfig
    ) throws -> Bool {
        let room = entry.listed.room
        guard let sent, context.state.track.isLive(room), sent.config === config || sent.config == config,
            sent.membership == entry.listed.row.membership
        else { return false }
        if context.directMayDiffer, sent.summary.isDM != context.direct.contains(room) { return false }
        if let touched = context.touched { return !touched.contains(room) }
        let since = context.since
        if max(entry.listed.row.position, entry.listed.row.leftAt) > since { return false }
        guard let activity = entry.listed.activity else { return true }
        if max(activity.lastTimelinePosition, activity.lastStatePosition) > since { return false }
        let receipt = try context.snapshot.firstAtOrAfter(
            context.snapshot.tables.receiptsChanges, ViewKeys.receiptChange(room, since.next))
        return receipt?.key.number(at: 0) != room.rawValue
    }
}

/// The answer of one look at the views, not yet counted as sent.
package struct SlidingAnswer: Sendable {
    /// Whether there is anything in it, so that a long poll need not wait.
    package let hasNews: Bool
    package let token: SyncToken
    /// What a long poll waits for: changes of this user …
    package let waitUser: UserNum
    /// … and of these rooms. Empty when there is news.
    package let waitRooms: [RoomNum]
    /// An open object.
    let bytes: [UInt8]
    let start: SlidingConnections.Start
    let change: SlidingChange
}
