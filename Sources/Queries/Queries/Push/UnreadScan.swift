import EventLog
import KeyValueStore
import PushRules
import ReadModel

/// One walk from the newest event of a room back to what a user has read.
struct UnreadScan {
    private let snapshot: Snapshot
    private let room: RoomNum
    private let user: UserNum
    private let marks: ReadMarks
    private let ignored: Set<UserNum>
    private let cache: PushRuleCache
    private let threadFinder: ThreadFinder

    private var counts = UnreadCounts()
    /// Threads that an own, later event marks as read.
    private var readThreads: Set<String> = []
    /// An own, later event marks everything before it as read.
    private var foundOwnEvent = false
    /// What was counted before may not be true any more.
    private var foundRedaction = false
    private var stopsAtRedaction = false
    /// The rules in force at the events that the walk has come to, and since when they have been.
    private var rules: (rules: CompiledPushRules, since: LogPosition)?
    private var owner: String?

    init(
        _ snapshot: Snapshot, room: RoomNum, user: UserNum, marks: ReadMarks, ignored: Set<UserNum>,
        rules: PushRuleCache
    ) {
        self.snapshot = snapshot
        self.room = room
        self.user = user
        self.marks = marks
        self.ignored = ignored
        cache = rules
        threadFinder = ThreadFinder(snapshot)
    }

    /// Counts.
    ///
    /// - Parameters:
    ///   - counted: how far `earlier` reaches; nil to count everything.
    ///   - earlier: what is added.
    /// - Returns: nil when `earlier` is of no use and everything must be counted.
    mutating func run(
        after counted: LogPosition?, upTo: LogPosition, adding earlier: UnreadCounts = UnreadCounts(),
        longest: Int = .max
    ) throws -> UnreadCounts? {
        stopsAtRedaction = counted != nil
        let floor = max(marks.unthreaded, counted ?? .none)
        if floor < upTo {
            let snapshot = snapshot
            try snapshot.forEach(
                snapshot.tables.timelineOrder, from: ViewKeys.timeline(room, floor.next),
                to: ViewKeys.timeline(room, upTo.next), reversed: true, limit: longest
            ) { key, value in
                try look(at: try TimelineEntry(key: key, value: value))
            }
        }
        if foundRedaction { return nil }
        if !foundOwnEvent {
            counts.main += earlier.main
            for (thread, tally) in earlier.threads where !readThreads.contains(thread) {
                counts.threads[thread, default: .init()] += tally
            }
        }
        return counts
    }

    private mutating func look(at entry: TimelineEntry) throws -> Bool {
        if entry.sender == user { return try lookAtOwn(entry) }
        let rules = try rules(at: entry.position)
        if rules.isDefault, !entry.flags.contains(.mentions) {
            // What default rules make of an event was found out when it was recorded.
            guard entry.flags.contains(.notifies) else { return try goesOn(behind: entry) }
            if ignored.contains(entry.sender) { return true }
            let thread = try entry.flags.contains(.relates) ? thread(of: snapshot.event(at: entry.position)) : nil
            count(entry, thread: thread ?? ThreadFinder.main, isHighlight: false)
            return true
        }
        guard try goesOn(behind: entry) else { return false }
        if ignored.contains(entry.sender) { return true }
        let judged = try JudgedEvent(snapshot, at: entry.position, flags: entry.flags)
        guard let outcome = try judged.outcome(rules, owner: ownerID()), outcome.notifies else { return true }
        let thread = try entry.flags.contains(.relates) ? thread(of: judged.row) : ThreadFinder.main
        count(entry, thread: thread, isHighlight: outcome.highlights)
        return true
    }

    private mutating func count(_ entry: TimelineEntry, thread: String, isHighlight: Bool) {
        if readThreads.contains(thread) || marks.isRead(entry.position, thread: thread) { return }
        let tally = UnreadCounts.Tally(notifications: 1, highlights: isHighlight ? 1 : 0)
        if thread == ThreadFinder.main {
            counts.main += tally
        } else {
            counts.threads[thread, default: .init()] += tally
        }
    }

    /// Only a redaction can lower a count that is already known.
    private mutating func goesOn(behind entry: TimelineEntry) throws -> Bool {
        guard stopsAtRedaction, !entry.flags.contains(.state),
            try snapshot.event(at: entry.position).hasType("m.room.redaction")
        else { return true }
        foundRedaction = true
        return false
    }

    /// "When the user updates their read receipt (either by using the API or by sending an event), notifications prior to
    /// and including that event MUST be marked as read." An event in a thread reads that thread, any other the whole room.
    ///
    /// A state event reads nothing: a new display name is told to all rooms.
    private mutating func lookAtOwn(_ entry: TimelineEntry) throws -> Bool {
        if entry.flags.contains(.state) { return true }
        if entry.flags.contains(.relates) {
            let event = try snapshot.event(at: entry.position)
            // Which thread it was in nobody knows any more: better none is read than all.
            if event.flags.contains(.redacted) { return true }
            let thread = try thread(of: event)
            if thread != ThreadFinder.main {
                readThreads.insert(thread)
                return true
            }
        }
        foundOwnEvent = true
        return false
    }

    private func thread(of event: EventRow) throws -> String { try threadFinder.thread(of: event) }

    /// The walk goes back in time, so that rules once found hold until it comes to where they were made.
    private mutating func rules(at position: LogPosition) throws -> CompiledPushRules {
        if let rules, position > rules.since { return rules.rules }
        let found = try cache.rules(snapshot, of: user, before: position)
        rules = found
        return found.rules
    }

    private mutating func ownerID() throws -> String {
        if let owner { return owner }
        let text = String(decoding: try snapshot.text(user), as: UTF8.self)
        owner = text
        return text
    }
}
