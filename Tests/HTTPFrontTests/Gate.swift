import HTTPFront
import Synchronization

/// Holds the threads that wait at it until it is opened.
final class Gate: Sendable {
    private let opened = Atomic(false)
    private let occupied = Atomic(false)

    var isOccupied: Bool { occupied.load(ordering: .acquiring) }

    func wait() {
        occupied.store(true, ordering: .releasing)
        while !opened.load(ordering: .acquiring) { pause() }
    }

    func open() { opened.store(true, ordering: .releasing) }
}

extension MetricsRegistry {
    var text: String { String(decoding: prometheusText(), as: UTF8.self) }
}
