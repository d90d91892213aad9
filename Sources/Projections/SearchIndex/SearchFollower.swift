package import EventLog
import Glibc
package import ProjectionEngine
import Synchronization

/// Brings the search index along behind the log, on a thread of its own: what is written never waits for it.
package final class SearchFollower: Sendable {
    /// What the follower wants known.
    package enum Report: Sendable {
        /// The index is of another log, another version or broken, and is built anew.
        case startsOver(String)
        case building(done: LogPosition, head: LogPosition)
        /// The index reached the log's head for the first time since it was opened.
        case built(LogPosition)
        case failed(String)
    }

    private struct State {
        var position = LogPosition(rawValue: 0)
        var isBuilding = true
        var isStopping = false
        var nextWaiter: UInt64 = 0
        var waiters: [UInt64: Waiter] = [:]
    }

    private struct Waiter {
        let position: LogPosition
        let continuation: CheckedContinuation<Void, Never>
        let timer: Task<Void, Never>
    }

    package let index: SearchIndex
    private let source: RecordSource
    private let report: @Sendable (Report) -> Void
    private let state = Mutex(State())
    private let signal = FollowerSignal()
    private let thread = Mutex<ThreadBox?>(nil)

    // SAFETY: it is made by one thread and joined by the one that stops the follower, with the mutex between them.
    private final class ThreadBox: @unchecked Sendable {
        let thread: WorkThread

        init(_ thread: WorkThread) { self.thread = thread }
    }

    /// Records of one transaction.
    private static let chunk = 4096
    /// How long records are gathered when nobody waits for them. Each commit writes most pages of the index by event anew,
    /// so few large ones cost the writers of events far less.
    private static let gatheringMs = 2000
    /// Added to the thread's niceness: who sends and reads goes before who may search later.
    private static let niceness: Int32 = 5
    private static let retryMs = 2000
    private static let reportEvery: Duration = .seconds(5)

    package init(
        index: SearchIndex, source: RecordSource, report: @escaping @Sendable (Report) -> Void = { _ in }
    ) {
        self.index = index
        self.source = source
        self.report = report
    }

    // MARK: For others

    /// The last record that the index includes.
    package var position: LogPosition { state.withLock { $0.position } }
    /// Whether the index has not yet reached the head since it was opened.
    package var isBuilding: Bool { state.withLock { $0.isBuilding } }

    package func start() {
        thread.withLock { thread in
            guard thread == nil else { return }
            thread = ThreadBox(WorkThread { [self] in run() })
        }
    }

    /// There are new records.
    package func applied() { signal.raise() }

    /// Waits until the index includes a record; it holds no thread meanwhile.
    ///
    /// - Returns: whether it does.
    package func reach(_ position: LogPosition, atMost time: Duration) async -> Bool {
        if self.position >= position { return true }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isThere = state.withLock { state in
                if state.position >= position || state.isStopping { return true }
                let number = state.nextWaiter
                state.nextWaiter &+= 1
                let timer = Task { [weak self] in
                    do { try await Task.sleep(for: time) } catch { return }
                    self?.giveUp(number)
                }
                state.waiters[number] = Waiter(position: position, continuation: continuation, timer: timer)
                return false
            }
            if isThere { continuation.resume() } else { signal.hurry() }
        }
        return self.position >= position
    }

    private func giveUp(_ number: UInt64) {
        state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
    }

    /// Ends the thread and closes the index.
    package func stop() {
        let waiters = state.withLock { state in
            state.isStopping = true
            defer { state.waiters.removeAll() }
            return Array(state.waiters.values)
        }
        release(waiters)
        signal.hurry()
        thread.withLock { $0 }?.thread.join()
        index.close()
    }

    private func release(_ waiters: [Waiter]) {
        for waiter in waiters {
            waiter.timer.cancel()
            waiter.continuation.resume()
        }
    }

    // MARK: The thread

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func run() {
        // On Linux this is of the calling thread alone.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        var lastFault = ""
        while !isStopping {
            do {
                try prepare()
                while !isStopping {
                    try catchUp(upTo: nil)
                    lastFault = ""
                    try index.scrubIfErased()
                    signal.wait(gatheringMs: Self.gatheringMs)
                }
            } catch {
                if !isStopping { recover(from: error, &lastFault) }
            }
        }
    }

    private func recover(from error: any Error, _ lastFault: inout String) {
        let text = "\(error)"
        // A full disk is told of once, not every two seconds.
        if text != lastFault { report(.failed(text)) }
        let isNew = text != lastFault
        lastFault = text
        if isNew, (error as? SearchIndex.Fault)?.isDamage == true {
            report(.startsOver(text))
            do { try index.startOver() } catch { report(.failed("\(error)")) }
        }
        signal.pause(milliseconds: Self.retryMs)
    }

    /// Finds where to go on. An index of another past, as after a restore, is emptied.
    func prepare() throws {
        var checkpoint = try index.checkpoint()
        if try !isOfThisPast(checkpoint) {
            report(.startsOver("the log has another past than the index"))
            try index.startOver()
            checkpoint = SearchIndex.Checkpoint()
        }
        state.withLock { $0.position = checkpoint.position }
    }

    private func isOfThisPast(_ checkpoint: SearchIndex.Checkpoint) throws -> Bool {
        if checkpoint.position.rawValue == 0 { return true }
        guard try source.head() >= checkpoint.position,
            let record = try source.read(checkpoint.position, 1).first, record.position == checkpoint.position
        else { return false }
        return record.chainHash == checkpoint.chainHash
    }

    /// Applies what there is, up to a record or to the head.
    func catchUp(upTo end: LogPosition?) throws {
        let clock = ContinuousClock()
        var reported = clock.now
        while !isStopping {
            let done = position
            let head = try end ?? source.head()
            guard done < head else { break }
            let wanted = min(UInt64(Self.chunk), head.rawValue - done.rawValue)
            let records = try source.read(LogPosition(rawValue: done.rawValue + 1), Int(wanted))
            guard let first = records.first, let last = records.last, first.position.rawValue == done.rawValue + 1
            else {
                throw ProjectionFault.gap(expected: LogPosition(rawValue: done.rawValue + 1), found: head)
            }
            try index.apply(records)
            advance(to: last.position)
            if isBuilding, clock.now - reported >= Self.reportEvery {
                reported = clock.now
                report(.building(done: last.position, head: head))
            }
        }
        let isFirst = state.withLock { state in
            defer { state.isBuilding = false }
            return state.isBuilding
        }
        if isFirst { report(.built(position)) }
    }

    private func advance(to position: LogPosition) {
        let reached = state.withLock { state in
            state.position = position
            let numbers = state.waiters.filter { $0.value.position <= position }.map(\.key)
            return numbers.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        release(reached)
    }
}
