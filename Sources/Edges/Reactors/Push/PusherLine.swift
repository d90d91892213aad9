import EventLog
import ReadModel

/// What waits for one pusher, in order and bounded: of what does not fit only the place is remembered.
struct PusherLine {
    var pusher: ActivePusher
    /// Everything up to here has been delivered, or need not be.
    private(set) var cursor: LogPosition
    private(set) var pending: [LogPosition] = []
    /// Whether nothing is left out behind the last of `pending`.
    private(set) var isComplete: Bool
    var wantsBadge = false
    /// What the gateway was told last.
    var knownUnread: Int?
    var isBusy = false
    var isQueued = false
    private(set) var failures = 0
    private(set) var notBeforeMs: Int64 = 0
    /// What is stored; nil when that is not known.
    var storedCursor: LogPosition?

    static let mostPending = 64
    /// Stored for one that is not behind, so that it need not be stored again and again.
    static let notBehind = LogPosition(rawValue: .max)
    private static let firstDelayMs: Int64 = 1_000
    private static let longestDelayMs: Int64 = 3_600_000

    init(_ pusher: ActivePusher, cursor: LogPosition, isComplete: Bool) {
        self.pusher = pusher
        self.cursor = cursor
        self.isComplete = isComplete
    }

    var isBehind: Bool { !pending.isEmpty || !isComplete }
    var hasWork: Bool { isBehind || wantsBadge }
    var needsBacklog: Bool { pending.isEmpty && !isComplete }
    var isFailing: Bool { failures > 0 }
    var durableCursor: LogPosition { isBehind ? cursor : Self.notBehind }

    mutating func enqueue(_ position: LogPosition) {
        guard isComplete, position > pusher.row.since, position > pending.last ?? cursor else { return }
        if pending.count < Self.mostPending {
            if pending.isEmpty { cursor = LogPosition(rawValue: position.rawValue - 1) }
            pending.append(position)
        } else {
            isComplete = false
        }
    }

    /// Takes what was looked up behind the cursor.
    mutating func refill(_ positions: [LogPosition], isComplete: Bool) {
        pending = positions
        self.isComplete = isComplete
    }

    var nextSubject: PushDelivery.Subject? {
        if let first = pending.first { return .event(first) }
        return wantsBadge ? .badge(known: knownUnread) : nil
    }

    // MARK: Reports

    mutating func succeeded(_ subject: PushDelivery.Subject, unread: Int?) {
        if let unread {
            knownUnread = unread
            failures = 0
        }
        switch subject {
        case .event(let position):
            cursor = max(cursor, position)
            if pending.first == position { pending.removeFirst() }
        case .badge: wantsBadge = false
        }
    }

    /// "the homeserver SHOULD retry for a reasonable amount of time using exponential backoff."
    mutating func failed(nowMs: Int64) {
        failures = min(failures + 1, 32)
        let delay = min(Self.firstDelayMs << Int64(min(failures - 1, 12)), Self.longestDelayMs)
        // Pushers of one gateway come back at different times.
        let spread = Int64(truncatingIfNeeded: pusher.id.hash.0 & 0xff)
        notBeforeMs = nowMs &+ delay &+ delay * spread / 1024
    }
}
