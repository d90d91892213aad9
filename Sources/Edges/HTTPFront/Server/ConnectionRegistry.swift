import NIOCore

/// The connections of one event loop, and the clock that ends those whose client is too slow.
///
/// One timer for all of them instead of one each: a connection's deadline is a number that is compared now and then,
/// so a request costs no timer.
final class ConnectionRegistry {
    private var connections: [HTTPConnection] = []
    private var sweeping: RepeatedTask?
    private(set) var isDraining = false

    func startSweeping(on loop: any EventLoop, every interval: TimeAmount) {
        let own = NIOLoopBound(self, eventLoop: loop)
        sweeping = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            own.value.sweep(now: MonotonicTime.nanoseconds())
        }
    }

    func stopSweeping() {
        sweeping?.cancel()
        sweeping = nil
    }

    func add(_ connection: HTTPConnection) {
        connection.registryIndex = connections.count
        connections.append(connection)
    }

    func remove(_ connection: HTTPConnection) {
        guard let index = connection.registryIndex, let last = connections.popLast() else { return }
        connection.registryIndex = nil
        guard last !== connection else { return }
        connections[index] = last
        last.registryIndex = index
    }

    /// Ends connections that wait for a request; the others end after their response.
    func drain() {
        isDraining = true
        forEach { $0.closeIfIdle() }
    }

    /// Cancels what handlers still run.
    func cancelHandlers() { forEach { $0.cancelHandler() } }

    /// Ends all connections.
    func closeAll() { forEach { $0.closeNow() } }

    private func sweep(now: UInt64) { forEach { $0.checkDeadline(now: now) } }

    /// Goes backwards, since a connection that closes takes itself out and the last one moves to its place.
    private func forEach(_ body: (HTTPConnection) -> Void) {
        var index = connections.count - 1
        while index >= 0 {
            if index < connections.count { body(connections[index]) }
            index -= 1
        }
    }
}
