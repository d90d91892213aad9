import CommandHandling
import EventLog
import HTTPFront
import Queries
import ReadModel

/// All lines of waiting pushes: who is next, and how far each has come. Only the reactor's own task works with it.
struct PushDesk {
    private let queries: PushQueries
    private let cursors: any ReactorCursors
    private let settings: PushReactor.Settings
    private let log: StructuredLog?
    private var lines: [ActivePusher.ID: PusherLine] = [:]
    private var byUser: [UserNum: [ActivePusher.ID]] = [:]
    /// What may be started, first come first served.
    private var ready: [ActivePusher.ID] = []
    /// What waits until a time.
    private var delayed: Set<ActivePusher.ID> = []
    private var hosts: [String: HostLoad] = [:]
    private var inFlight = 0
    /// Everything up to here has been looked at.
    private var lastSeen: LogPosition
    private var storedLastSeen: LogPosition
    /// Lines whose durable cursor may be another than the stored one.
    private var moved: Set<ActivePusher.ID> = []
    /// Something was delivered that the stored cursors do not know of.
    private var hasDelivered = false
    private var storedAtMs: Int64 = 0

    private struct HostLoad {
        var inFlight = 0
        var isFailing = false
    }

    private static let cursorName = "push"
    private static let eventsAtOnce = 512
    private static let backlogsAtOnce = 16

    init(
        _ queries: PushQueries, _ cursors: any ReactorCursors, _ settings: PushReactor.Settings, _ log: StructuredLog?
    ) throws {
        self.queries = queries
        self.cursors = cursors
        self.settings = settings
        self.log = log
        let head = queries.views.head
        let stored = try cursors.cursor(Self.cursorName)
        // A log without a cursor never pushed, or was restored: what is in it is past.
        lastSeen = stored == .none ? head : min(stored, head)
        storedLastSeen = stored
        for owned in try queries.allPushers() { try open(owned) }
    }

    // MARK: Pushers

    private mutating func open(_ owned: PushQueries.OwnedPusher) throws {
        guard let pusher = ActivePusher(owned) else { return }
        let stored = try cursors.cursor(pusher.id.cursorName)
        let isBehind = stored != .none && stored < lastSeen
        var line = PusherLine(
            pusher, cursor: max(isBehind ? stored : lastSeen, owned.row.since), isComplete: !isBehind)
        line.storedCursor = stored == .none ? PusherLine.notBehind : stored
        insert(line)
    }

    private mutating func insert(_ line: PusherLine) {
        let id = line.pusher.id
        lines[id] = line
        byUser[line.pusher.user, default: []].append(id)
        schedule(id, nowMs: 0)
    }

    /// Reads the pushers of users again whose pushers changed.
    private mutating func reload(_ users: Set<UserNum>) throws {
        for user in users {
            let owned = try queries.pushers(of: user)
            var gone = Set(byUser[user] ?? [])
            byUser[user] = nil
            for owned in owned {
                guard let pusher = ActivePusher(owned) else { continue }
                gone.remove(pusher.id)
                if var line = lines[pusher.id] {
                    line.pusher = pusher
                    insert(line)
                } else {
                    // Events may have come between the pusher and this look.
                    var line = PusherLine(pusher, cursor: owned.row.since, isComplete: owned.row.since >= lastSeen)
                    line.storedCursor = nil
                    // The application has just been opened: it knows how much is unread.
                    line.knownUnread = try queries.unreadTotal(of: user)
                    insert(line)
                    moved.insert(pusher.id)
                }
            }
            for id in gone {
                lines[id] = nil
                delayed.remove(id)
                cursors.setCursor(id.cursorName, to: PusherLine.notBehind)
            }
        }
    }

    // MARK: News

    /// Looks at what is new in the log.
    ///
    /// - Returns: whether there is more.
    mutating func look(nowMs: Int64) throws -> Bool {
        let head = queries.views.head
        guard lastSeen < head else { return false }
        let news = try queries.news(after: lastSeen, limit: Self.eventsAtOnce, users: Set(byUser.keys))
        for (position, users) in news.notified {
            for id in users.flatMap({ byUser[$0] ?? [] }) {
                lines[id]?.enqueue(position)
                moved.insert(id)
                schedule(id, nowMs: nowMs)
            }
        }
        lastSeen = max(lastSeen, news.reached)
        try reload(news.changedPushers)
        askForBadges(of: news.writers, nowMs: nowMs)
        return lastSeen < head
    }

    /// "Servers […] MUST update it as it changes": a gateway learns of a number that has become smaller.
    mutating func askForBadges(of users: Set<UserNum>, nowMs: Int64) {
        for user in users {
            for id in byUser[user] ?? [] {
                lines[id]?.wantsBadge = true
                schedule(id, nowMs: nowMs)
            }
        }
    }

    // MARK: Deliveries

    private mutating func schedule(_ id: ActivePusher.ID, nowMs: Int64) {
        guard let line = lines[id], line.hasWork, !line.isBusy, !line.isQueued else { return }
        if line.notBeforeMs > nowMs {
            delayed.insert(id)
            return
        }
        lines[id]?.isQueued = true
        ready.append(id)
    }

    /// What is to be started now, within the bounds of all and of each host.
    mutating func start(nowMs: Int64) throws -> [PushDelivery] {
        for id in delayed where lines[id].map({ $0.notBeforeMs <= nowMs }) ?? true {
            delayed.remove(id)
            schedule(id, nowMs: nowMs)
        }
        var started: [PushDelivery] = []
        var waiting: [ActivePusher.ID] = []
        var backlogs = 0
        var index = 0
        while index < ready.count, inFlight < settings.mostInFlight {
            let id = ready[index]
            index += 1
            guard var line = lines[id] else { continue }
            let host = hosts[line.pusher.url.host] ?? HostLoad()
            // A gateway that does not answer gets one request at a time, so that it holds nobody else up.
            guard host.inFlight < (host.isFailing ? 1 : settings.mostInFlightPerHost) else {
                waiting.append(id)
                continue
            }
            if line.needsBacklog {
                guard backlogs < Self.backlogsAtOnce else {
                    waiting.append(id)
                    continue
                }
                backlogs += 1
                let found = try queries.backlog(
                    of: line.pusher.user, after: line.cursor, upTo: lastSeen, limit: PusherLine.mostPending)
                line.refill(found.positions, isComplete: found.isComplete)
                moved.insert(id)
            }
            line.isQueued = false
            if let subject = line.nextSubject {
                line.isBusy = true
                hosts[line.pusher.url.host, default: HostLoad()].inFlight += 1
                inFlight += 1
                started.append(
                    PushDelivery(
                        pusher: line.pusher, subject: subject,
                        staleBeforeMs: line.isFailing ? nowMs - settings.staleAfterMs : nil))
            }
            lines[id] = line
        }
        ready = waiting + ready[index...]
        return started
    }

    mutating func finish(_ report: PushDelivery.Report, nowMs: Int64) {
        inFlight -= 1
        var host = hosts[report.host] ?? HostLoad()
        host.inFlight -= 1
        switch report.outcome {
        case .delivered, .rejected: host.isFailing = false
        case .failed: host.isFailing = true
        case .needless: break
        }
        hosts[report.host] = host.inFlight == 0 && !host.isFailing ? nil : host
        guard var line = lines[report.pusher] else { return }
        line.isBusy = false
        switch report.outcome {
        case .delivered(let unread): line.succeeded(report.subject, unread: unread)
        case .needless: line.succeeded(report.subject, unread: nil)
        case .rejected:
            // The record that removes it is on its way here.
            line.succeeded(report.subject, unread: nil)
            log?.info("a push gateway gave up a pusher", [("host", report.host), ("user", "\(line.pusher.userID)")])
        case .failed(let reason):
            line.failed(nowMs: nowMs)
            log?.debug("a push failed", [("host", report.host), ("reason", reason)])
        }
        lines[report.pusher] = line
        moved.insert(report.pusher)
        hasDelivered = true
        schedule(report.pusher, nowMs: nowMs)
    }

    // MARK: Cursors

    /// Notes how far everything has come: each line that is behind before what was looked at, so that a crash between loses
    /// nothing. A commit of the log carries it, so that is done soon after a delivery, and seldom otherwise.
    mutating func storeCursors(nowMs: Int64) {
        guard nowMs - storedAtMs >= (hasDelivered ? 20 : 1000) else { return }
        storedAtMs = nowMs
        hasDelivered = false
        for id in moved {
            guard let line = lines[id], line.storedCursor != line.durableCursor else { continue }
            cursors.setCursor(id.cursorName, to: line.durableCursor)
            lines[id]?.storedCursor = line.durableCursor
        }
        moved.removeAll(keepingCapacity: true)
        guard storedLastSeen != lastSeen, !lines.isEmpty || storedLastSeen == .none else { return }
        cursors.setCursor(Self.cursorName, to: lastSeen)
        storedLastSeen = lastSeen
    }

    /// How many pushers there are, and how many of them wait for their gateway.
    var load: (pushers: Int, behind: Int, inFlight: Int) {
        (lines.count, lines.values.count { $0.isBehind }, inFlight)
    }
}
