import EventLog
import MatrixIdentifiers

/// What waits for one destination, in order and bounded: of what does not fit only the place is remembered.
struct DestinationLine {
    let server: ServerName
    /// Everything up to here has been delivered, or need not be.
    private(set) var cursor: LogPosition
    private(set) var pending: [OutgoingItem] = []
    /// Whether nothing is left out behind the last of `pending`.
    private(set) var isComplete: Bool
    /// Up to where the log was searched for this line, while it is not complete.
    private var searchedTo: LogPosition
    var mail = EphemeralMail()
    var isBusy = false
    var isQueued = false
    var retry = RetrySchedule()
    /// What is stored; nil when that is not known.
    var storedCursor: LogPosition?
    /// How many items one transaction may have: one while something in them is refused.
    private(set) var batchLimit = mostItems

    static let mostPending = 256
    /// More than fit into a transaction, so that it is filled.
    static let mostItems = 150
    /// Stored for one that is not behind, so that it need not be stored again and again.
    static let notBehind = LogPosition(rawValue: .max)

    /// - Parameter isComplete: false when there may be something for it behind the cursor.
    init(_ server: ServerName, cursor: LogPosition, isComplete: Bool) {
        self.server = server
        self.cursor = cursor
        self.isComplete = isComplete
        searchedTo = cursor
    }

    var isBehind: Bool { !pending.isEmpty || !isComplete }
    var hasWork: Bool { isBehind || !mail.isEmpty }
    var needsBacklog: Bool { pending.isEmpty && !isComplete }
    var durableCursor: LogPosition { isBehind ? cursor : Self.notBehind }
    /// The same for one destination always.
    var spread: UInt8 { server.rawValue.utf8.reduce(0) { $0 &* 31 &+ $1 } }

    mutating func enqueue(_ item: OutgoingItem) {
        guard isComplete, item.position > pending.last?.position ?? cursor else { return }
        if pending.count < Self.mostPending {
            if pending.isEmpty { cursor = LogPosition(rawValue: item.position.rawValue - 1) }
            pending.append(item)
            searchedTo = item.position
        } else {
            isComplete = false
        }
    }

    /// Takes what was found behind the cursor.
    ///
    /// - Parameter isComplete: whether everything that the reactor has looked at was searched.
    mutating func refill(_ items: [OutgoingItem], searchedTo: LogPosition, isComplete: Bool) {
        pending = items
        self.searchedTo = searchedTo
        self.isComplete = isComplete
        if items.isEmpty { cursor = max(cursor, searchedTo) }
    }

    // MARK: Reports

    mutating func delivered(_ count: Int) {
        pending.removeFirst(min(count, pending.count))
        cursor = pending.first.map { LogPosition(rawValue: $0.position.rawValue - 1) } ?? max(cursor, searchedTo)
        batchLimit = Self.mostItems
        retry.reset()
    }

    mutating func failed(nowMs: Int64, leftAloneUntilMs: Int64?) {
        retry.failed(nowMs: nowMs, spread: spread, leftAloneUntilMs: leftAloneUntilMs)
    }

    /// The destination understood the request and does not want it.
    ///
    /// - Returns: what was given up: one item that is refused alone must not hold up the others for ever.
    mutating func refused(nowMs: Int64, items: Int) -> OutgoingItem? {
        guard items <= 1 else {
            batchLimit = 1
            failed(nowMs: nowMs, leftAloneUntilMs: nil)
            return nil
        }
        guard retry.failures >= 3, let first = pending.first, items == 1 else {
            failed(nowMs: nowMs, leftAloneUntilMs: nil)
            return nil
        }
        let limit = batchLimit
        delivered(1)
        batchLimit = limit
        return first
    }
}
