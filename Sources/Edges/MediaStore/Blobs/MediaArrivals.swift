import Synchronization

/// Who waits for the content of media IDs that were given out before it came.
package final class MediaArrivals: Sendable {
    private struct State {
        var waiting: [String: [UInt64: CheckedContinuation<Void, Never>]] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The content has come: whoever waits looks again.
    package func tell(_ mediaID: String) {
        for waiter in state.withLock({ $0.waiting.removeValue(forKey: mediaID) ?? [:] }).values { waiter.resume() }
    }

    /// Waits until the content comes or the time is up. A wake-up carries nothing: the caller looks again.
    ///
    /// - Parameter hasArrived: asked once the waiting has begun, so that nothing slips between a look and the wait.
    package func wait(
        for mediaID: String, atMost limit: Duration, hasArrived: @escaping @Sendable () throws -> Bool
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(for: mediaID, hasArrived) }
            group.addTask {
                do {
                    try await Task.sleep(for: limit)
                } catch {
                    // The content has come, or the client has gone.
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait(for mediaID: String, _ hasArrived: @escaping @Sendable () throws -> Bool) async {
        let number = state.withLock { state in
            state.next &+= 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.waiting[mediaID, default: [:]][number] = continuation }
                // A look that fails is the caller's to report: he looks again.
                if Task.isCancelled || (try? hasArrived()) != false { leave(mediaID, number) }
            }
        } onCancel: {
            leave(mediaID, number)
        }
    }

    private func leave(_ mediaID: String, _ number: UInt64) {
        let waiter = state.withLock { state in
            let waiter = state.waiting[mediaID]?.removeValue(forKey: number)
            if state.waiting[mediaID]?.isEmpty == true { state.waiting[mediaID] = nil }
            return waiter
        }
        waiter?.resume()
    }
}
