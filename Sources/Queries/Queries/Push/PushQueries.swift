import CanonicalJSON
package import EventLog
import KeyValueStore
import MatrixEvents
package import MatrixIdentifiers
import PushRules
package import ReadModel

/// What must be known to push: which events notify whom, and what gateways are told of them.
package final class PushQueries: Sendable {
    package let views: Views
    private let unread: UnreadCounter
    /// Whether the count of unread messages is one of rooms with unread messages.
    private let countsRooms: Bool

    package init(views: Views, countsRooms: Bool = false) {
        self.views = views
        self.countsRooms = countsRooms
        unread = UnreadCounter()
    }

    /// A user with one of their pushers.
    package struct OwnedPusher: Sendable {
        package let user: UserNum
        package let userID: UserID
        package let row: PusherRow
    }

    // MARK: Pushers

    package func allPushers() throws -> [OwnedPusher] {
        try views.snapshot { snapshot in
            var found: [OwnedPusher] = []
            try snapshot.forEach(snapshot.tables.pushersRows) { key, value in
                guard let number: UInt32 = key.number(at: 0) else { return true }
                let user = UserNum(rawValue: number)
                found.append(
                    OwnedPusher(user: user, userID: try snapshot.userID(user), row: try PusherRow(reading: value)))
                return true
            }
            return found
        }
    }

    package func pushers(of user: UserNum) throws -> [OwnedPusher] {
        try views.snapshot { snapshot in
            let userID = try snapshot.userID(user)
            return try snapshot.pushers(of: user).map { OwnedPusher(user: user, userID: userID, row: $0) }
        }
    }

    // MARK: News

    /// What has come that may have to be pushed.
    package struct News: Sendable {
        /// How far was looked.
        package let reached: LogPosition
        /// Users whose pushers changed.
        package let changedPushers: Set<UserNum>
        /// Whom each event notifies, in the order of the log.
        package let notified: [(position: LogPosition, users: [UserNum])]
        /// Users who wrote something themselves, by which other messages are read.
        package let writers: Set<UserNum>
    }

    /// Looks at the events behind `after`.
    ///
    /// - Parameters:
    ///   - limit: how many events to look at.
    ///   - users: those with pushers.
    package func news(after: LogPosition, limit: Int, users: Set<UserNum>) throws -> News {
        try views.snapshot { snapshot in
            var changed: Set<UserNum> = []
            let from = ViewKeys.pusherChange(after.next, .none)
            try snapshot.forEach(snapshot.tables.pushersChanges, from: from) { key, _ in
                if let number: UInt32 = key.number(at: 8) { changed.insert(UserNum(rawValue: number)) }
                return true
            }
            // Whose pushers are new is looked at by itself, from where they begin.
            guard !users.isEmpty else {
                return News(reached: snapshot.newest, changedPushers: changed, notified: [], writers: [])
            }
            let fanout = PushFanout(snapshot, cache: unread.rules)
            var notified: [(position: LogPosition, users: [UserNum])] = []
            var writers: Set<UserNum> = []
            var reached = snapshot.newest
            var left = limit
            try snapshot.forEach(snapshot.tables.eventsRows, from: ViewKeys.event(after.next)) { key, value in
                guard let number: UInt64 = key.number(at: 0) else { return true }
                let position = LogPosition(rawValue: number)
                if left == 0 {
                    reached = position.before
                    return false
                }
                left -= 1
                let row = try EventRow(reading: value)
                guard row.flags.isDisjoint(with: [.softFailed, .rejected, .outlier]) else { return true }
                // What came late is no news.
                if try snapshot.isBackfilled(row, at: position) { return true }
                if users.contains(row.sender) { writers.insert(row.sender) }
                let concerned = try fanout.concerned(row, at: position, among: users)
                let found = try fanout.notified(row, at: position, among: concerned)
                if !found.isEmpty { notified.append((position, found)) }
                return true
            }
            return News(reached: reached, changedPushers: changed, notified: notified, writers: writers)
        }
    }

    /// The first events behind `after` and up to `upTo` that notify one user, when their pusher has lost its place.
    ///
    /// - Returns: at most `limit` positions, and whether these are all.
    package func backlog(
        of user: UserNum, after: LogPosition, upTo: LogPosition, limit: Int
    ) throws -> (positions: [LogPosition], isComplete: Bool) {
        try views.snapshot { snapshot in
            guard after < upTo else { return ([], true) }
            let fanout = PushFanout(snapshot, cache: unread.rules)
            var found: [LogPosition] = []
            try snapshot.forEachMembership(of: user) { room, member in
                guard member.membership == .join || member.membership == .invite,
                    let head = try snapshot.head(of: room), head.lastTimelinePosition > after
                else { return }
                var inRoom = 0
                try snapshot.forEach(
                    snapshot.tables.timelineOrder, from: ViewKeys.timeline(room, after.next),
                    to: ViewKeys.timeline(room, upTo.next)
                ) { key, value in
                    let entry = try TimelineEntry(key: key, value: value)
                    let row = try snapshot.event(at: entry.position)
                    let concerned = try fanout.concerned(row, at: entry.position, among: [user])
                    if try !fanout.notified(row, at: entry.position, among: concerned).isEmpty {
                        found.append(entry.position)
                        inRoom += 1
                    }
                    return inRoom <= limit
                }
            }
            found.sort()
            return (Array(found.prefix(limit)), found.count <= limit)
        }
    }

    // MARK: What gateways are told

    /// An event for one user; nil when there is no need to push it (any more): it was read, redacted or ignored.
    package func notification(at position: LogPosition, for user: UserNum) throws -> PushNotification? {
        try views.snapshot { snapshot in
            guard let row = try snapshot.eventRow(snapshot.tables, position),
                let member = try snapshot.membership(of: user, in: row.room)
            else { return nil }
            let isInvitation = member.membership == .invite && member.position == position
            guard isInvitation || member.membership == .join && member.joinedAt < position else { return nil }
            let ignored = try SyncContext.ignored(snapshot, by: user)
            if ignored.contains(row.sender) { return nil }
            if isInvitation, try snapshot.blocksInvites(user) { return nil }
            let judged = try JudgedEvent(snapshot, at: position, flags: row.flags)
            let owner = String(decoding: try snapshot.text(user), as: UTF8.self)
            let rules = try unread.rules.rules(snapshot, of: user, before: position).rules
            guard let outcome = try judged.outcome(rules, owner: owner), outcome.notifies, let event = judged.event
            else { return nil }
            if !isInvitation {
                let marks = try ReadMarks(snapshot, room: row.room, user: user, joinedAt: member.joinedAt)
                if marks.isRead(position, thread: try ThreadFinder(snapshot).thread(of: row)) { return nil }
            }
            let naming = RoomNaming(snapshot, room: row.room, user: user)
            let content = event.object["content"]?.objectValue ?? [:]
            let isMember = event.type.utf8.elementsEqual("m.room.member".utf8)
            return PushNotification(
                eventID: try row.eventID(),
                roomID: event.roomID,
                type: event.type,
                sender: event.sender,
                senderDisplayName: try judged.displayName(of: event.sender),
                roomName: try naming.name(),
                roomAlias: try naming.alias(),
                membership: isMember ? content["membership"]?.stringValue : nil,
                userIsTarget: isMember ? event.object["state_key"] == .string(owner) : nil,
                content: content,
                tweaks: outcome.tweaks,
                isUrgent: event.type.utf8.elementsEqual("m.room.encrypted".utf8) || outcome.highlights
                    || outcome.tweaks["sound"] != nil,
                unread: try unreadTotal(snapshot, user, ignored: ignored),
                sentMs: row.originServerTS
            )
        }
    }

    /// How much a user has not read, in all rooms.
    package func unreadTotal(of user: UserNum) throws -> Int {
        try views.snapshot { try unreadTotal($0, user, ignored: try SyncContext.ignored($0, by: user)) }
    }

    private func unreadTotal(_ snapshot: Snapshot, _ user: UserNum, ignored: Set<UserNum>) throws -> Int {
        var total = 0
        try snapshot.forEachMembership(of: user) { room, member in
            guard member.membership == .join else { return }
            let counts = try unread.counts(
                snapshot, room: room, user: user, row: member, upTo: snapshot.newest, byThread: false,
                ignoring: ignored)
            total += countsRooms ? min(1, counts.main.notifications) : counts.main.notifications
        }
        return total
    }
}
