import Synchronization

/// Says that the server is about to stop, so that long polls return at once.
package final class ShutdownSignal: Sendable {
    private struct State {
        var triggered = false
        var nextKey = 0
        var observers: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())
    private let flag = Atomic(false)

    package init() {}

    /// Whether the server is stopping.
    package var isTriggered: Bool { flag.load(ordering: .acquiring) }

    /// Stops the server's long polls. Only the first call has an effect.
    package func trigger() {
        let observers = state.withLock { state -> [@Sendable () -> Void] in
            guard !state.triggered else { return [] }
            state.triggered = true
            flag.store(true, ordering: .releasing)
            defer { state.observers = [:] }
            return Array(state.observers.values)
        }
        for observer in observers { observer() }
    }

    /// Calls `body` once when the signal comes, at once if it has come. Returns the key for `remove`.
    @discardableResult
    package func onTrigger(_ body: @escaping @Sendable () -> Void) -> Int {
        let key = state.withLock { state -> Int? in
            guard !state.triggered else { return nil }
            state.nextKey += 1
            state.observers[state.nextKey] = body
            return state.nextKey
        }
        guard let key else {
            body()
            return 0
        }
        return key
    }

    /// Forgets an observer.
    package func remove(_ key: Int) {
        state.withLock { _ = $0.observers.removeValue(forKey: key) }
    }

    /// Returns when the signal comes or the task is cancelled.
    package func wait() async {
        let waiter = Waiter()
        let key = onTrigger { waiter.wake() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter.park($0) }
        } onCancel: {
            waiter.wake()
        }
        remove(key)
    }
}

/// One continuation that is resumed once, whichever of waking and parking comes first.
private final class Waiter: Sendable {
    private enum State {
        case idle
        case parked(CheckedContinuation<Void, Never>)
        case woken
    }

    private let state = Mutex(State.idle)

    func park(_ continuation: CheckedContinuation<Void, Never>) {
        let wasWoken = state.withLock { state -> Bool in
            if case .woken = state { return true }
            state = .parked(continuation)
            return false
        }
        if wasWoken { continuation.resume() }
    }

    func wake() {
        let parked = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state = .woken }
            if case .parked(let continuation) = state { return continuation }
            return nil
        }
        parked?.resume()
    }
}
