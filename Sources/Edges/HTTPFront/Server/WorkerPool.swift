import Glibc
import Synchronization

/// A bounded set of threads that may block: the synchronous part of every request runs here, and the steps of
/// asynchronous handlers, never on an event loop and never on Swift's cooperative pool.
///
/// Jobs of `run` are refused when the queue is full. Steps of running tasks are always taken: a task that was
/// admitted must be able to end. A server asks `isSaturated` before it starts one.
package final class WorkerPool: TaskExecutor, Sendable {
    private enum Job: Sendable {
        case work(@Sendable () -> Void)
        case step(UnownedJob)
    }

    private struct Entry: Sendable {
        let job: Job
        let enqueuedAt: UInt64
    }

    private struct State: Sendable {
        var queue = JobRing<Entry>()
        var stopping = false
        var threads: [pthread_t] = []
    }

    /// How many threads there are.
    package let threadCount: Int
    /// How many jobs may wait before new ones are refused.
    package let queueLimit: Int
    private let state = Mutex(State())
    private let wakeUps = CountingSemaphore()
    private let waitTimes: MetricHistogram
    private let refusals: MetricCounter
    private let depth: Atomic<Int>

    /// Twice the number of cores, at least 4 and at most 64.
    package static var defaultThreadCount: Int {
        min(64, max(4, 2 * processorCount))
    }

    /// How many processors there are.
    package static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    package init(threads: Int? = nil, queueLimit: Int = 4096, metrics: MetricsRegistry) throws(WorkerPoolFault) {
        threadCount = max(1, threads ?? Self.defaultThreadCount)
        self.queueLimit = queueLimit
        depth = Atomic(0)
        waitTimes = metrics.histogram(
            "engram_pool_wait_seconds", help: "How long jobs waited for a thread of the worker pool.",
            buckets: MetricHistogram.latencyBuckets)
        refusals = metrics.counter("engram_pool_refused_total", help: "Jobs refused because the pool's queue was full.")
        metrics.gauge("engram_pool_queue_depth", help: "Jobs that wait for a thread of the worker pool.") {
            [weak self] in Double(self?.queuedCount ?? 0)
        }
        for _ in 0..<threadCount { try startThread() }
    }

    /// How many jobs wait for a thread.
    package var queuedCount: Int { depth.load(ordering: .relaxed) }

    /// Whether the queue is so full that new work is to be refused.
    package var isSaturated: Bool { queuedCount >= queueLimit }

    /// Counts work that was refused because the pool is saturated.
    func noteRefusal() { refusals.add() }

    /// Runs a job on the pool. False if the queue is full or the pool has stopped; the job is not run then.
    package func run(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard !isSaturated else {
            noteRefusal()
            return false
        }
        return push(.work(work), evenWhenStopping: false)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        _ = push(.step(UnownedJob(job)), evenWhenStopping: true)
    }

    /// Lets the threads finish what is queued and ends them. Steps enqueued afterwards run on the caller's thread.
    package func shutdown() {
        let threads = state.withLock { state in
            state.stopping = true
            defer { state.threads = [] }
            return state.threads
        }
        for _ in threads { wakeUps.signal() }
        for thread in threads where pthread_equal(thread, pthread_self()) == 0 { pthread_join(thread, nil) }
    }

    private func push(_ job: Job, evenWhenStopping: Bool) -> Bool {
        let entry = Entry(job: job, enqueuedAt: MonotonicTime.nanoseconds())
        let queued = state.withLock { state in
            guard !state.stopping else { return false }
            state.queue.append(entry)
            return true
        }
        if queued {
            depth.add(1, ordering: .relaxed)
            wakeUps.signal()
            return true
        }
        guard evenWhenStopping else { return false }
        // The pool has ended. A task that resumes now must still run, or whoever awaits it would wait for ever.
        execute(job)
        return true
    }

    private func startThread() throws(WorkerPoolFault) {
        let start = Unmanaged.passRetained(ThreadStart(pool: self))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 2 << 20)
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().pool.work()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw WorkerPoolFault(code: result)
        }
        let started = thread
        state.withLock { $0.threads.append(started) }
    }

    /// The life of one thread.
    private func work() {
        while true {
            wakeUps.wait()
            let (entry, stopping) = state.withLock { ($0.queue.popFirst(), $0.stopping) }
            guard let entry else {
                if stopping { return }
                continue
            }
            depth.subtract(1, ordering: .relaxed)
            waitTimes.observe(nanoseconds: MonotonicTime.nanoseconds() &- entry.enqueuedAt)
            execute(entry.job)
        }
    }

    private func execute(_ job: Job) {
        switch job {
        case .work(let work): work()
        case .step(let step): step.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    private final class ThreadStart: Sendable {
        let pool: WorkerPool
        init(pool: WorkerPool) { self.pool = pool }
    }
}

/// The system would not start another thread.
package struct WorkerPoolFault: Error, Sendable {
    package let code: Int32
}

/// A first-in first-out queue in a ring.
struct JobRing<Element: Sendable>: Sendable {
    private var slots: [Element?] = Array(repeating: nil, count: 64)
    private var head = 0
    private(set) var count = 0

    mutating func append(_ element: Element) {
        if count == slots.count {
            var larger: [Element?] = []
            larger.reserveCapacity(2 * count)
            for offset in 0..<count { larger.append(slots[(head + offset) & (slots.count - 1)]) }
            larger.append(contentsOf: repeatElement(nil, count: count))
            slots = larger
            head = 0
        }
        slots[(head + count) & (slots.count - 1)] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = slots[head]
        slots[head] = nil
        head = (head + 1) & (slots.count - 1)
        count -= 1
        return element
    }
}

/// A counting semaphore of the system.
final class CountingSemaphore: Sendable {
    // SAFETY: sem_t is made for use from several threads at once; it lives until deinit, and nobody else has it.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    /// Waits; a signal handler that interrupts does not end the wait.
    func wait() {
        while sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}
