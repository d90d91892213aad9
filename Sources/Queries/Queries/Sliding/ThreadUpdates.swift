import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// Threads that went on, in all rooms of a user, newest first.
struct ThreadUpdates {
    struct Update {
        let room: RoomNum
        let row: MembershipRow
        let target: RelationTarget
        let thread: ThreadRow
        /// Before the newest event of the thread, when more than that one came.
        var previous: LogPosition?
    }

    struct Page {
        var updates: [Update] = []
        /// Behind the page; nil when nothing follows.
        var next: LogPosition?
    }

    private let snapshot: Snapshot
    private let asker: Asker
    private let ignored: Set<UserNum>

    init(_ snapshot: Snapshot, asker: Asker, ignored: Set<UserNum>) {
        self.snapshot = snapshot
        self.asker = asker
        self.ignored = ignored
    }

    /// Finds the threads whose newest event came after one record and up to another.
    ///
    /// - Parameters:
    ///   - rooms: where something may have happened; nil for everywhere.
    ///   - isWanted: says of the thread's newest event whether the thread counts.
    func page(
        after since: LogPosition, upTo end: LogPosition, limit: Int, rooms: Set<RoomNum>?,
        _ isWanted: (LogPosition) -> Bool
    ) throws -> Page {
        var found: [(latest: LogPosition, room: RoomNum, row: MembershipRow, target: RelationTarget)] = []
        guard since < end else { return Page() }
        try snapshot.forEachMembership(of: asker.identity.userNum) { room, row in
            guard row.membership == .join, rooms?.contains(room) ?? true else { return }
            var taken = 0
            try snapshot.forEach(
                snapshot.tables[.threadsOrder], from: ThreadRow.order(room, since.next),
                to: ThreadRow.order(room, end.next), reversed: true
            ) { key, value in
                guard let number: UInt64 = key.number(at: 4), isWanted(LogPosition(rawValue: number)) else {
                    return true
                }
                found.append((LogPosition(rawValue: number), room, row, try RelationTarget(reading: value)))
                taken += 1
                return taken <= limit
            }
        }
        found.sort { $0.latest > $1.latest }
        var page = Page()
        for entry in found {
            if page.updates.count == limit {
                page.next = entry.latest
                break
            }
            guard let thread = try thread(entry.target), try isVisible(thread.latest, entry.room, entry.row) else {
                continue
            }
            var update = Update(room: entry.room, row: entry.row, target: entry.target, thread: thread)
            update.previous = try previous(of: update, after: since)
            page.updates.append(update)
        }
        return page
    }

    private func thread(_ target: RelationTarget) throws -> ThreadRow? {
        try snapshot.get(snapshot.tables[.threadsRows], target.key) { try ThreadRow(reading: $0) }
    }

    private func isVisible(_ position: LogPosition, _ room: RoomNum, _ row: MembershipRow) throws -> Bool {
        let event = try snapshot.event(at: position)
        if ignored.contains(event.sender) { return false }
        var sight = RoomSight(snapshot, room: room, user: asker.identity.userNum, row: row)
        return try sight.judge(event, at: position).isVisible
    }

    /// "Only present in the response if the client missed some events, i.e. there was at least one other event in the thread,
    /// in addition to the latest event."
    private func previous(of update: Update, after since: LogPosition) throws -> LogPosition? {
        var isFound = false
        try snapshot.forEach(
            snapshot.tables[.relationsByTarget], from: RelationRow.key(update.target, .thread, since.next),
            to: RelationRow.key(update.target, .thread, update.thread.latest), limit: 1
        ) { _, _ in
            isFound = true
            return false
        }
        return isFound ? update.thread.latest.before : nil
    }

    // MARK: Writing

    /// Appends the updates by room and root.
    func append(
        _ page: Page, under key: String, withRoots: Bool, renderer: EventRenderer, to writer: inout JSONWriter
    ) throws {
        writer.key(key)
        writer.beginObject()
        var byRoom: [RoomNum: [Update]] = [:]
        for update in page.updates { byRoom[update.room, default: []].append(update) }
        for (room, updates) in byRoom.sorted(by: { $0.key < $1.key }) {
            writer.key(utf8: try snapshot.text(room))
            writer.beginObject()
            for update in updates {
                writer.key(update.thread.rootID)
                writer.beginObject()
                if withRoots { try appendRoot(update, renderer: renderer, to: &writer) }
                if let previous = update.previous { writer.field("prev_batch", asker.token(previous.rawValue)) }
                writer.endObject()
            }
            writer.endObject()
        }
        writer.endObject()
    }

    private func appendRoot(_ update: Update, renderer: EventRenderer, to writer: inout JSONWriter) throws {
        guard let position = try snapshot.eventPosition(snapshot.tables, update.thread.rootID) else { return }
        let root = try snapshot.event(at: position)
        var sight = RoomSight(snapshot, room: update.room, user: asker.identity.userNum, row: update.row)
        guard root.room == update.room, root.flags.isDisjoint(with: [.rejected, .softFailed]) else { return }
        let judgement = try sight.judge(root, at: position)
        guard judgement.isVisible else { return }
        writer.key("thread_root")
        try renderer.append(
            root, roomID: try snapshot.text(update.room), membership: judgement.membership, sight: &sight, to: &writer)
    }
}
