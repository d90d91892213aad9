import Synchronization

/// A number that only grows.
package final class MetricCounter: Sendable {
    private let count = Atomic<UInt64>(0)

    /// Adds to it; a negative amount is ignored.
    package func add(_ amount: Int = 1) {
        guard amount > 0 else { return }
        count.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    package var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that goes up and down.
package final class MetricGauge: Sendable {
    private let level = Atomic<Int>(0)

    package func set(_ value: Int) { level.store(value, ordering: .relaxed) }
    package func add(_ amount: Int) { level.wrappingAdd(amount, ordering: .relaxed) }
    package var value: Int { level.load(ordering: .relaxed) }
}

/// Counts of observations in fixed buckets, with their sum.
package final class MetricHistogram: Sendable {
    /// Upper bounds in the unit of the observations, without infinity.
    package let bounds: [Double]
    private let boundsInNanoseconds: [UInt64]
    private let cells: AtomicCells
    private let sum = Atomic<UInt64>(0)

    /// Bounds in seconds for how long requests take.
    package static let latencyBuckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    init(bounds: [Double]) {
        let sorted = bounds.filter { $0.isFinite && $0 >= 0 }.sorted()
        self.bounds = sorted
        boundsInNanoseconds = sorted.map { UInt64(min($0 * 1e9, 1e18)) }
        cells = AtomicCells(count: sorted.count + 1)
    }

    /// Observes a duration.
    package func observe(nanoseconds: UInt64) {
        cells.increment(boundsInNanoseconds.firstIndex { nanoseconds <= $0 } ?? boundsInNanoseconds.count)
        sum.wrappingAdd(nanoseconds, ordering: .relaxed)
    }

    /// Observes a number in the unit of the bounds, to nine places after the point.
    package func observe(_ value: Double) {
        guard value >= 0 else { return }
        observe(nanoseconds: UInt64(min(value * 1e9, 1e18)))
    }

    /// A reading of all buckets; each count is that of its own bucket alone.
    package func read() -> (counts: [UInt64], sum: Double) {
        (cells.read(), Double(sum.load(ordering: .relaxed)) / 1e9)
    }

    /// How many observations there were.
    package var count: UInt64 { cells.read().reduce(0, &+) }
}

/// A row of atomic counts.
private final class AtomicCells: Sendable {
    private let count: Int
    // SAFETY: the cells are atomics, made for use from several threads; they live until deinit.
    private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<UInt64>>

    init(count: Int) {
        self.count = count
        cells = .allocate(capacity: count)
        for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        cells.deallocate()
    }

    func increment(_ index: Int) {
        guard index < count else { return }
        cells[index].wrappingAdd(1, ordering: .relaxed)
    }

    func read() -> [UInt64] { (0..<count).map { cells[$0].load(ordering: .relaxed) } }
}
