import EventLog
import HTTPFront
import MatrixIdentifiers

/// All destinations for which something waits: who is next, and how far each has come. Only the sender's own task works
/// with it.
struct FederationDesk {
    private var scan: OutgoingScan
    private let cursors: any DestinationCursors
    private let settings: FederationSender.Settings
    private let log: StructuredLog?
    private var lines: [ServerName: DestinationLine] = [:]
    /// What may be started, first come first served.
    private var ready: [ServerName] = []
    /// What waits until a time.
    private var delayed: Set<ServerName> = []
    private var inFlight = 0
    private var transactions: UInt64 = 0
    /// Everything up to here has been looked at.
    private(set) var lastSeen: LogPosition
    private var storedLastSeen: LogPosition
    /// Lines whose durable cursor may be another than the stored one, or that may be at rest.
    private var moved: Set<ServerName> = []
    private var storedAtMs: Int64 = .min

    static let cursorName = "federation"
    static let cursorPrefix = "federation/"
    private static let searchesAtOnce = 4

    init(
        _ scan: OutgoingScan, head: LogPosition, _ cursors: any DestinationCursors,
        _ settings: FederationSender.Settings, _ log: StructuredLog?
    ) throws {
        self.scan = scan
        self.cursors = cursors
        self.settings = settings
        self.log = log
        let stored = try cursors.cursor(Self.cursorName)
        // A log without a cursor never told anybody anything: what is in it is past.
        lastSeen = stored == .none ? head : min(stored, head)
        storedLastSeen = stored
        for (name, position) in try cursors.cursors(named: Self.cursorPrefix) {
            guard position < lastSeen, let server = ServerName(String(name.dropFirst(Self.cursorPrefix.count))) else {
                continue
            }
            var line = DestinationLine(server, cursor: position, isComplete: false)
            line.storedCursor = position
            lines[server] = line
            schedule(server, nowMs: .min)
        }
    }

    // MARK: News

    /// Looks at what is new in the log.
    ///
    /// - Returns: whether there is more.
    mutating func look(upTo head: LogPosition, nowMs: Int64) throws -> Bool {
        guard lastSeen < head else { return false }
        let news = try scan.news(after: lastSeen, upTo: head, limit: settings.recordsAtOnce)
        for (item, servers) in news.items {
            for server in servers {
                change(server, nowMs: nowMs) { $0.enqueue(item) }
                moved.insert(server)
            }
        }
        lastSeen = max(lastSeen, news.reached)
        for (mail, servers) in news.mail { post(mail, to: servers, nowMs: nowMs) }
        return lastSeen < head
    }

    /// Keeps for some servers what may be lost. A server that does not answer is not kept waiting for it.
    mutating func post(_ mail: EphemeralMail.Entry, to servers: [ServerName], nowMs: Int64) {
        for server in servers where lines[server]?.retry.isFailing != true {
            change(server, nowMs: nowMs) { $0.mail.put(mail) }
            moved.insert(server)
        }
    }

    /// A server was heard of: it can be reached again.
    mutating func hear(_ server: ServerName, nowMs: Int64) {
        guard lines[server]?.retry.isFailing == true else { return }
        change(server, nowMs: nowMs) { $0.retry.reset() }
    }

    private mutating func change(_ server: ServerName, nowMs: Int64, _ body: (inout DestinationLine) -> Void) {
        body(&lines[server, default: DestinationLine(server, cursor: lastSeen, isComplete: true)])
        schedule(server, nowMs: nowMs)
    }

    // MARK: Deliveries

    private mutating func schedule(_ server: ServerName, nowMs: Int64) {
        guard let line = lines[server], line.hasWork, !line.isBusy, !line.isQueued else { return }
        if line.retry.isFailing, line.retry.notBeforeMs > nowMs {
            delayed.insert(server)
            return
        }
        delayed.remove(server)
        lines[server]?.isQueued = true
        ready.append(server)
    }

    /// What is to be started now: one transaction for each destination, within the bound of all.
    mutating func start(nowMs: Int64, run: String) throws -> [FederationDelivery] {
        for server in delayed where lines[server].map({ $0.retry.notBeforeMs <= nowMs }) ?? true {
            delayed.remove(server)
            schedule(server, nowMs: nowMs)
        }
        var started: [FederationDelivery] = []
        var waiting: [ServerName] = []
        var searches = 0
        var index = 0
        defer { ready = waiting + ready[min(index, ready.count)...] }
        while index < ready.count, inFlight < settings.mostInFlight {
            let server = ready[index]
            index += 1
            guard var line = lines[server] else { continue }
            if line.needsBacklog {
                guard searches < Self.searchesAtOnce else {
                    waiting.append(server)
                    continue
                }
                searches += 1
                do {
                    try search(&line, nowMs: nowMs)
                } catch {
                    waiting.append(server)
                    throw error
                }
                moved.insert(server)
            }
            if line.pending.isEmpty, line.mail.isEmpty {
                if line.isComplete { line.isQueued = false } else { waiting.append(server) }
                lines[server] = line
                continue
            }
            line.isQueued = false
            line.isBusy = true
            inFlight += 1
            transactions += 1
            // Positions make the ids of one run differ from those before, the run's own mark those of runs that ended
            // before they had noted how far they were.
            let transactionID = "\(lastSeen)-\(run)-\(transactions)"
            let items = Array(line.pending.prefix(line.batchLimit))
            let mail = line.mail.take(TransactionContent.mostEDUs)
            started.append(
                FederationDelivery(server: server, items: items, mail: mail, transactionID: transactionID))
            lines[server] = line
        }
        return started
    }

    /// Whether lines wait only for another look at the log.
    var wantsMoreSearches: Bool { inFlight < settings.mostInFlight && !ready.isEmpty }

    /// Looks up what a line that is behind must be told next.
    private mutating func search(_ line: inout DestinationLine, nowMs: Int64) throws {
        let behind = lastSeen.rawValue - min(line.cursor.rawValue, lastSeen.rawValue)
        let downMs = line.retry.downSinceMs.map { nowMs &- $0 } ?? 0
        let (items, reached) = try scan.backlog(
            of: line.server, after: line.cursor, upTo: lastSeen, records: settings.recordsOfSearch,
            items: DestinationLine.mostPending,
            newestOnly: behind > settings.catchUpBehind || downMs > settings.catchUpDownMs)
        // Nothing is read when what was to be read is past the end.
        let searchedTo = max(reached, line.cursor)
        line.refill(items, searchedTo: searchedTo, isComplete: searchedTo >= lastSeen)
    }

    mutating func finish(_ report: FederationDelivery.Report, nowMs: Int64) {
        inFlight -= 1
        guard var line = lines[report.server] else { return }
        line.isBusy = false
        switch report.outcome {
        case .delivered(let count): line.delivered(count)
        case .refused(let items, let reason):
            let givenUp = line.refused(nowMs: nowMs, items: items)
            log?.warning(
                givenUp == nil ? "another server refuses a transaction" : "another server never takes a record",
                [
                    ("server", report.server.rawValue), ("reason", reason),
                    ("position", givenUp.map { "\($0.position)" } ?? ""),
                ])
        case .failed(let reason, let until):
            let wasFailing = line.retry.isFailing
            line.failed(nowMs: nowMs, leftAloneUntilMs: until)
            line.mail.putBack(report.mail)
            if !wasFailing {
                log?.info("another server cannot be told", [("server", report.server.rawValue), ("reason", reason)])
            }
        }
        // What was worth telling while it happened is not worth telling when somebody has been away.
        if line.retry.failures > 2 { line.mail.removeAll() }
        lines[report.server] = line
        moved.insert(report.server)
        schedule(report.server, nowMs: nowMs)
    }

    // MARK: Cursors

    /// Notes how far everything has come: each line that is behind before what was looked at, so that a crash between loses
    /// nothing, and what is told twice is known already.
    mutating func storeCursors(nowMs: Int64) {
        guard nowMs >= (storedAtMs == .min ? .min : storedAtMs + settings.storeEveryMs) else { return }
        guard !moved.isEmpty || storedLastSeen != lastSeen else { return }
        storedAtMs = nowMs
        for server in moved {
            guard let line = lines[server] else { continue }
            let durable = line.durableCursor
            if line.storedCursor != durable, line.storedCursor != nil || durable != DestinationLine.notBehind {
                cursors.setCursor(Self.cursorPrefix + server.rawValue, to: durable)
                lines[server]?.storedCursor = durable
            }
            // Destinations at rest take no memory.
            if !line.hasWork, !line.isBusy { lines[server] = nil }
        }
        moved.removeAll(keepingCapacity: true)
        guard storedLastSeen != lastSeen else { return }
        cursors.setCursor(Self.cursorName, to: lastSeen)
        storedLastSeen = lastSeen
    }

    /// How many destinations something waits for, how many do not answer, and how many transactions are under way.
    var load: (waiting: Int, failing: Int, inFlight: Int) {
        (lines.values.count { $0.hasWork }, lines.values.count { $0.retry.isFailing }, inFlight)
    }
}
