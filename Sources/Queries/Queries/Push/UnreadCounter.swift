import EventLog
import KeyValueStore
import ReadModel
import Synchronization

/// How much of a room a user has not read.
struct UnreadCounts: Hashable, Sendable {
    struct Tally: Hashable, Sendable {
        var notifications = 0
        var highlights = 0

        static func += (left: inout Tally, right: Tally) {
            left.notifications += right.notifications
            left.highlights += right.highlights
        }
    }

    /// The whole room, or its main timeline when threads are counted apart.
    var main = Tally()
    /// By the event ID of the thread's root; empty unless threads are counted apart.
    var threads: [String: Tally] = [:]

    /// Without telling threads apart.
    var together: UnreadCounts {
        var whole = UnreadCounts(main: main)
        for tally in threads.values { whole.main += tally }
        return whole
    }
}

/// Counts what users are notified of and have not read.
///
/// Nothing is counted when an event comes, however many members a room has: a count is what the push rules make of the events
/// behind the user's receipts, and every event is judged as it was when it came. A count is remembered with the position that
/// it reaches, so that the next one looks only at what is new.
final class UnreadCounter: Sendable {
    private struct Subject: Hashable {
        let room: RoomNum
        let user: UserNum
    }

    private struct Remembered {
        /// What was read and ignored when it was counted.
        let marks: ReadMarks
        let ignored: Set<UserNum>
        let countedUpTo: LogPosition
        let counts: UnreadCounts
    }

    let rules: PushRuleCache
    private let remembered = Mutex<[Subject: Remembered]>([:])
    private let capacity: Int
    /// Nobody needs a larger count to be exact.
    private static let longestScan = 100_000

    init(capacity: Int = 65_536, rules: PushRuleCache = PushRuleCache()) {
        self.capacity = capacity
        self.rules = rules
    }

    /// Counts what is unread up to `upTo`.
    ///
    /// - Parameter byThread: count each thread apart, as `unread_thread_notifications` asks.
    func counts(
        _ snapshot: Snapshot,
        room: RoomNum,
        user: UserNum,
        row: MembershipRow,
        upTo: LogPosition,
        byThread: Bool,
        ignoring ignored: Set<UserNum>
    ) throws -> UnreadCounts {
        let marks = try ReadMarks(snapshot, room: room, user: user, joinedAt: row.joinedAt)
        let subject = Subject(room: room, user: user)
        let earlier = remembered.withLock { $0[subject] }
        let scan = { UnreadScan(snapshot, room: room, user: user, marks: marks, ignored: ignored, rules: self.rules) }
        var counts: UnreadCounts?
        if let earlier, earlier.marks == marks, earlier.ignored == ignored, earlier.countedUpTo <= upTo,
            try snapshot.lastErasure() <= earlier.countedUpTo
        {
            if earlier.countedUpTo == upTo { return byThread ? earlier.counts : earlier.counts.together }
            var news = scan()
            counts = try news.run(after: earlier.countedUpTo, upTo: upTo, adding: earlier.counts)
        }
        if counts == nil {
            var whole = scan()
            counts = try whole.run(after: nil, upTo: upTo, longest: Self.longestScan)
        }
        let found = counts ?? UnreadCounts()
        let entry = Remembered(marks: marks, ignored: ignored, countedUpTo: upTo, counts: found)
        remembered.withLock { remembered in
            if remembered.count >= capacity { remembered = [:] }
            remembered[subject] = entry
        }
        return byThread ? found : found.together
    }
}

extension Snapshot {
    /// The last record that erased something, which may have been unread.
    func lastErasure() throws -> LogPosition {
        guard let value = try get(tables.membersCounts, ViewKeys.lastErasure) else { return .none }
        var input = ByteReader(value)
        return LogPosition(rawValue: try input.readVarint())
    }
}
