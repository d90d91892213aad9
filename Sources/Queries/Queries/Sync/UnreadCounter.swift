import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel
import Synchronization

/// How much of a room a user has not read.
struct UnreadCounts: Hashable, Sendable {
    struct Tally: Hashable, Sendable {
        var notifications = 0
        var highlights = 0
    }

    /// The whole room, or its main timeline when threads are counted apart.
    var main = Tally()
    /// By the event ID of the thread's root; empty unless threads are counted apart.
    var threads: [String: Tally] = [:]
}

/// Counts notifications as the default push rules make them, behind the user's receipts and own events.
///
/// The count of a room is remembered with the position it reaches, so that the next sync looks only at what is new.
final class UnreadCounter: Sendable {
    private struct Subject: Hashable {
        let room: RoomNum
        let user: UserNum
    }

    private struct Remembered {
        /// What was read when it was counted.
        let readUpTo: LogPosition
        let countedUpTo: LogPosition
        let tally: UnreadCounts.Tally
    }

    private let remembered = Mutex<[Subject: Remembered]>([:])
    private let capacity: Int
    /// Nobody needs a larger count to be exact.
    private static let longestScan = 100_000

    init(capacity: Int = 65_536) {
        self.capacity = capacity
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
        // Threads would need to be remembered one by one; users of threads are counted afresh.
        let canRemember = !byThread && marks.threads.isEmpty && ignored.isEmpty
        let earlier = canRemember ? remembered.withLock { $0[subject] } : nil
        var scan = UnreadScan(snapshot, room: room, user: user, marks: marks, ignored: ignored, byThread: byThread)
        if let earlier, earlier.readUpTo == marks.unthreaded, earlier.countedUpTo <= upTo {
            scan.floor = max(scan.floor, earlier.countedUpTo)
            scan.stopsAtRedaction = true
            try scan.run(upTo: upTo, longest: Self.longestScan)
            if scan.foundRedaction {
                scan = UnreadScan(snapshot, room: room, user: user, marks: marks, ignored: ignored, byThread: byThread)
                try scan.run(upTo: upTo, longest: Self.longestScan)
            } else if !scan.foundOwnEvent {
                scan.counts.main.notifications += earlier.tally.notifications
                scan.counts.main.highlights += earlier.tally.highlights
            }
        } else {
            try scan.run(upTo: upTo, longest: Self.longestScan)
        }
        if canRemember {
            let entry = Remembered(readUpTo: marks.unthreaded, countedUpTo: upTo, tally: scan.counts.main)
            remembered.withLock { remembered in
                if remembered.count >= capacity { remembered = [:] }
                remembered[subject] = entry
            }
        }
        return scan.counts
    }
}

/// How far a user has read a room.
struct ReadMarks {
    /// "Between `m.read` and `m.read.private`, the receipt which is more 'ahead' … is used."
    private(set) var unthreaded: LogPosition
    /// By thread root, or `main`.
    private(set) var threads: [String: LogPosition] = [:]

    init(_ snapshot: Snapshot, room: RoomNum, user: UserNum, joinedAt: LogPosition) throws {
        unthreaded = joinedAt
        let prefix = ViewKeys.member(room, user)
        try snapshot.forEach(snapshot.tables.receiptsRows, prefix: prefix) { _, value in
            let row = try ReceiptRow(reading: value)
            if let thread = row.threadID {
                threads[thread] = max(threads[thread] ?? .none, row.eventPosition)
            } else {
                unthreaded = max(unthreaded, row.eventPosition)
            }
            return true
        }
    }
}

/// One walk from the newest event back to what the user has read.
private struct UnreadScan {
    let snapshot: Snapshot
    let room: RoomNum
    let user: UserNum
    let marks: ReadMarks
    let ignored: Set<UserNum>
    let byThread: Bool
    var floor: LogPosition
    var stopsAtRedaction = false
    private(set) var foundRedaction = false
    private(set) var foundOwnEvent = false
    var counts = UnreadCounts()
    /// Threads that an own, later event marks as read.
    private var readThreads: Set<String> = []
    private var mentions: MentionRule?

    init(
        _ snapshot: Snapshot, room: RoomNum, user: UserNum, marks: ReadMarks, ignored: Set<UserNum>, byThread: Bool
    ) {
        self.snapshot = snapshot
        self.room = room
        self.user = user
        self.marks = marks
        self.ignored = ignored
        self.byThread = byThread
        floor = marks.unthreaded
    }

    private var needsThreads: Bool { byThread || !marks.threads.isEmpty }

    mutating func run(upTo: LogPosition, longest: Int) throws {
        guard floor < upTo else { return }
        let from = ViewKeys.timeline(room, floor.next)
        let to = ViewKeys.timeline(room, upTo.next)
        let snapshot = snapshot
        try snapshot.forEach(
            snapshot.tables.timelineOrder, from: from, to: to, reversed: true, limit: longest
        ) { key, value in
            try look(at: try TimelineEntry(key: key, value: value))
        }
    }

    private mutating func look(at entry: TimelineEntry) throws -> Bool {
        let concerns = !entry.flags.isDisjoint(with: [.notifies, .mentions])
        if entry.sender == user { return try lookAtOwn(entry) }
        guard concerns else {
            // Only a redaction can lower a count that is already known.
            if stopsAtRedaction, !entry.flags.contains(.state),
                try snapshot.event(at: entry.position).hasType("m.room.redaction")
            {
                foundRedaction = true
                return false
            }
            return true
        }
        if ignored.contains(entry.sender) { return true }
        let event = try snapshot.event(at: entry.position)
        if event.flags.contains(.redacted) { return true }
        let isMentioned = entry.flags.contains(.mentions) ? try highlights(event) : false
        let isHighlight = isMentioned || (entry.flags.contains(.state) && event.hasType("m.room.tombstone"))
        guard entry.flags.contains(.notifies) || isHighlight else { return true }
        let thread = needsThreads ? try ThreadFinder(snapshot).thread(of: event) : ThreadFinder.main
        if readThreads.contains(thread) || marks.threads[thread] ?? .none >= entry.position { return true }
        if byThread, thread != ThreadFinder.main {
            counts.threads[thread, default: .init()].notifications += 1
            if isHighlight { counts.threads[thread, default: .init()].highlights += 1 }
        } else {
            counts.main.notifications += 1
            if isHighlight { counts.main.highlights += 1 }
        }
        return true
    }

    /// "When the user updates their read receipt (either by using the API or by sending an event), notifications prior to
    /// and including that event MUST be marked as read." An event in a thread reads that thread, any other the whole room.
    private mutating func lookAtOwn(_ entry: TimelineEntry) throws -> Bool {
        let event = try snapshot.event(at: entry.position)
        if stopsAtRedaction, event.hasType("m.room.redaction") {
            foundRedaction = true
            return false
        }
        let thread = try ThreadFinder(snapshot).thread(of: event)
        if thread != ThreadFinder.main {
            readThreads.insert(thread)
            // What is remembered may hold events of this thread.
            if stopsAtRedaction {
                foundRedaction = true
                return false
            }
            return true
        }
        foundOwnEvent = true
        return false
    }

    private mutating func highlights(_ event: EventRow) throws -> Bool {
        if mentions == nil { mentions = try MentionRule(snapshot, room: room, user: user) }
        return try mentions?.matches(event) ?? false
    }
}
