import KeyValueStore

typealias AppendCompletion = @Sendable (Result<AppendReceipt, AppendFault>) -> Void

/// A group that is durable and waits to be applied and acknowledged.
struct CommittedGroup {
    let plan: GroupPlan
    let acknowledgements: [(completion: AppendCompletion, receipt: AppendReceipt)]
}

/// Applies committed groups in order and then resumes their callers.
///
/// A thread of its own does it while the next group is synced to disk. When nothing else is waiting the writer
/// thread applies a group itself, which saves the wake-up of another thread.
final class GroupApplier: Sendable {
    private struct State {
        var waiting: [CommittedGroup] = []
        var isBusy = false
        var isClosed = false
    }

    private let state = Monitor(State())
    private let onCommitted: (@Sendable ([EventRecord]) throws -> Void)?
    /// How many groups may wait, so that memory stays bounded when projections are slower than the log.
    private static let depth = 2

    init(onCommitted: (@Sendable ([EventRecord]) throws -> Void)?) {
        self.onCommitted = onCommitted
    }

    /// Takes over a group; waits while too many groups wait.
    func deliver(_ group: CommittedGroup, canBlock: Bool) {
        let isInline = state.wait { state -> Bool? in
            if state.waiting.isEmpty, !state.isBusy, canBlock || onCommitted == nil {
                state.isBusy = true
                return true
            }
            guard state.waiting.count < Self.depth else { return nil }
            state.waiting.append(group)
            return false
        }
        if isInline {
            apply(group)
            // The apply thread has nothing to do: only the caller of this function gives it work.
            state.update(waking: false) { $0.isBusy = false }
        } else {
            state.wake()
        }
    }

    /// The body of the apply thread; returns after `close`, when all is applied.
    func run() {
        while true {
            let next = state.wait { state -> CommittedGroup?? in
                guard !state.isBusy else { return nil }
                if state.waiting.isEmpty { return state.isClosed ? .some(nil) : nil }
                state.isBusy = true
                return state.waiting.removeFirst()
            }
            guard let next else { return }
            // The writer may wait for the place that is free now.
            state.wake()
            apply(next)
            state.update(waking: false) { $0.isBusy = false }
        }
    }

    func close() {
        state.update(waking: true) { $0.isClosed = true }
    }

    private func apply(_ group: CommittedGroup) {
        var fault: AppendFault?
        if let onCommitted {
            do {
                try onCommitted(group.plan.records())
            } catch {
                fault = .projection(error)
            }
        }
        for acknowledgement in group.acknowledgements {
            if let fault {
                acknowledgement.completion(.failure(fault))
            } else {
                acknowledgement.completion(.success(acknowledgement.receipt))
            }
        }
    }
}
