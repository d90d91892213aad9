import ReadModel
import Synchronization

/// What others tell the reactor. A wake-up says only that looking again may be worth it.
final class PushInbox: Sendable {
    struct Contents {
        /// Users to whom something happened, perhaps that they read.
        var touched: Set<UserNum> = []
        var finished: [PushDelivery.Report] = []
    }

    private let contents = Mutex(Contents())
    let wakeUps: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (wakeUps, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func wake() { continuation.yield() }

    func touch(_ users: Set<UserNum>) {
        if !users.isEmpty { contents.withLock { $0.touched.formUnion(users) } }
        wake()
    }

    func finish(_ report: PushDelivery.Report) {
        contents.withLock { $0.finished.append(report) }
        wake()
    }

    func take() -> Contents {
        contents.withLock { contents in
            defer { contents = Contents() }
            return contents
        }
    }
}
