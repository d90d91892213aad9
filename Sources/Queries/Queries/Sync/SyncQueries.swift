import CanonicalJSON
import EventLog
import KeyValueStore
package import ReadModel

/// Answers `/sync`: what a client does not know yet, up to the newest record of one snapshot.
///
/// Positions are global, so an incremental sync asks first which rooms anything happened in, and looks only at those that
/// the user has to do with. When those are many, it asks of each of the user's rooms instead; when that is not known any
/// more, as after a start, it compares them in the views.
package final class SyncQueries: Sendable {
    package let views: Views
    let typing: EphemeralState
    let notifier: ChangeNotifier
    private let sentMembers = SentMembers()
    /// Sliding syncs count with it too.
    let unread = UnreadCounter()
    private let federation: FederationEvents?

    /// - Parameter federation: where filters with the `event_format` `federation` find it; without, they get that of clients.
    package init(
        views: Views, ephemeral: EphemeralState, notifier: ChangeNotifier, federation: FederationEvents? = nil
    ) {
        self.federation = federation
        self.views = views
        typing = ephemeral
        self.notifier = notifier
    }

    /// Looks once; whether to wait and look again is for the caller.
    ///
    /// - Throws: ``QueryRefusal`` for a token that this log did not give out.
    package func sync(_ request: SyncRequest) throws -> SyncAnswer {
        // Read before the snapshot: what changes in between is told twice rather than never.
        let typingVersion = typing.version
        return try views.snapshot { snapshot in
            let context = try context(request, snapshot)
            if context.isInitial { sentMembers.forget(context.device) }
            let encryption = try EncryptionSections(context, recent: notifier.recent)
            let next = SyncToken(
                epoch: request.asker.epoch, position: snapshot.newest.rawValue, ephemeral: typingVersion,
                toDevice: encryption.toDeviceNext)
            var writer = JSONWriter(capacity: context.isInitial ? 1 << 16 : 2048)
            writer.beginObject()
            writer.field("next_batch", next.description)
            writer.splice(",")
            var news = 0
            if try context.isInitial || context.accountDataChanges[.none] != nil || context.pushRulesChanged {
                news += try AccountDataSection(context: context).append(
                    room: .none, isFull: context.isInitial, to: &writer)
            } else {
                writer.splice("\"account_data\":{\"events\":[]}")
            }
            var presence = PresenceSection(context: context, presence: typing.presence)
            news += try appendRooms(context, joinedSince: &presence.newRooms, to: &writer)
            writer.splice(",")
            news += try presence.append(to: &writer)
            news += try encryption.append(to: &writer)
            writer.endObject()
            let hasNews = news > 0 || context.isInitial || request.fullState
            return SyncAnswer(
                body: writer.bytes,
                hasNews: hasNews,
                nextBatch: next,
                waitUser: context.user,
                waitRooms: hasNews ? [] : try waitRooms(context)
            )
        }
    }

    private func context(_ request: SyncRequest, _ snapshot: Snapshot) throws -> SyncContext {
        let since = try request.since?.checked(epoch: request.asker.epoch, head: snapshot.newest.rawValue)
        let position = LogPosition(rawValue: since?.position ?? 0)
        let user = request.asker.identity.userNum
        var renderer = EventRenderer(snapshot, asker: request.asker)
        renderer.fields = request.filter.eventFields
        if request.filter.eventFormat == .federation { renderer.federation = federation }
        let ignored = try SyncContext.ignored(snapshot, by: user)
        renderer.relations = BundledRelations(snapshot, asker: user, ignored: ignored)
        return SyncContext(
            snapshot: snapshot,
            request: request,
            upTo: snapshot.newest,
            since: position,
            typing: typing,
            typingSince: since?.ephemeral ?? 0,
            sentMembers: sentMembers,
            unread: unread,
            renderer: renderer,
            ignored: ignored,
            accountDataChanges: since == nil
                ? [:]
                : try SyncContext.accountDataChanges(snapshot, of: user, after: position, upTo: snapshot.newest)
        )
    }

    // MARK: Rooms

    private func appendRooms(
        _ context: SyncContext, joinedSince newRooms: inout Set<RoomNum>, to writer: inout JSONWriter
    ) throws -> Int {
        var rooms = SyncRooms()
        try collect(context) { room, row in rooms.add(room, row) }
        let filter = context.filter.rooms
        if filter.rooms != nil || !filter.notRooms.isEmpty {
            try rooms.filter { try filter.allows(room: context.snapshot.text($0)) }
        }
        var count = 0
        if context.isInitial {
            // Ordinary rooms take less; what is not written is not touched.
            let room = 8192 + 640 * min(context.timelineLimit, 100)
            writer.reserve(min(rooms.joined.count * room, 32 << 20))
        }
        newRooms = Set(rooms.joined.lazy.filter { $0.1.joinedAt > context.since }.map(\.0))
        writer.splice(",\"rooms\":{\"join\":{")
        let joined = JoinedRoomSection(context: context)
        for (room, row) in rooms.joined where try joined.append(room: room, row: row, to: &writer) { count += 1 }
        let stripped = StrippedRoomSection(context: context)
        writer.splice("},\"invite\":{")
        for (room, row) in rooms.invited where stripped.concerns(row) {
            if try stripped.append(room: room, row: row, to: &writer) { count += 1 }
        }
        writer.splice("},\"knock\":{")
        for (room, row) in rooms.knocked where stripped.concerns(row) {
            if try stripped.append(room: room, row: row, to: &writer) { count += 1 }
        }
        writer.splice("},\"leave\":{")
        let left = LeftRoomSection(context: context)
        for (room, row) in rooms.left where left.concerns(row) {
            try left.append(room: room, row: row, to: &writer)
            count += 1
        }
        writer.splice("}}")
        return count
    }

    /// Visits the rooms in which something may have happened.
    private func collect(_ context: SyncContext, _ visit: (RoomNum, MembershipRow) -> Void) throws {
        if context.isInitial || context.request.fullState {
            return try context.snapshot.forEachMembership(of: context.user, visit)
        }
        let since = context.since.rawValue
        let upTo = context.upTo.rawValue
        // What changed without a word in the log's order of rooms.
        var others = Set(typing.roomsChanged(since: context.typingSince))
        others.formUnion(context.accountDataChanges.keys)
        others.remove(.none)
        if let touched = notifier.recent.rooms(after: since, upTo: upTo, limit: 64, longestWalk: 256) {
            for room in touched.union(others).sorted() {
                if let row = try context.snapshot.membership(of: context.user, in: room) { visit(room, row) }
            }
            return
        }
        // Much has happened on the server: then the user's own rooms are the shorter list.
        var rooms: [RoomNum] = []
        var rows: [MembershipRow] = []
        try context.snapshot.forEachMembership(of: context.user) { room, row in
            rooms.append(room)
            rows.append(row)
        }
        let touched = notifier.touched(among: rooms, after: since, upTo: upTo)
        for (index, room) in rooms.enumerated() {
            let row = rows[index]
            let mayBeNew =
                try max(row.position, row.leftAt) > context.since || others.contains(room)
                || (touched?[index] ?? hasChanged(context, room, row))
            if mayBeNew { visit(room, row) }
        }
    }

    /// Whether a joined room has a new event or receipt, found out from the views alone.
    private func hasChanged(_ context: SyncContext, _ room: RoomNum, _ row: MembershipRow) throws -> Bool {
        guard row.membership == .join else { return false }
        let snapshot = context.snapshot
        if let head = try snapshot.head(of: room), head.lastTimelinePosition > context.since { return true }
        let receipt = try snapshot.firstAtOrAfter(
            snapshot.tables.receiptsChanges, ViewKeys.receiptChange(room, context.since.next))
        return receipt?.key.number(at: 0) == room.rawValue
    }

    private func waitRooms(_ context: SyncContext) throws -> [RoomNum] {
        var rooms: [RoomNum] = []
        try context.snapshot.forEachMembership(of: context.user) { room, row in
            if row.membership == .join { rooms.append(room) }
        }
        return rooms
    }
}

/// The rooms of a sync by what the user is in them.
struct SyncRooms {
    typealias Entry = (room: RoomNum, row: MembershipRow)

    private(set) var joined: [Entry] = []
    private(set) var invited: [Entry] = []
    private(set) var knocked: [Entry] = []
    private(set) var left: [Entry] = []

    mutating func add(_ room: RoomNum, _ row: MembershipRow) {
        switch row.membership {
        case .join: joined.append((room, row))
        case .invite: invited.append((room, row))
        case .knock: knocked.append((room, row))
        case .leave, .ban: left.append((room, row))
        case .none: break
        }
    }

    mutating func filter(_ isWanted: (RoomNum) throws -> Bool) rethrows {
        joined = try joined.filter { try isWanted($0.room) }
        invited = try invited.filter { try isWanted($0.room) }
        knocked = try knocked.filter { try isWanted($0.room) }
        left = try left.filter { try isWanted($0.room) }
    }
}
