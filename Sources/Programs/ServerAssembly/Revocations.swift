import ClientAPI
import ProjectionEngine
import Synchronization

/// Tells the edge's token cache what the projections made void; it exists before the edge does.
final class Revocations: Sendable {
    private let held = Mutex<Authenticator?>(nil)

    var authenticator: Authenticator? {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }

    func tell(_ batch: AppliedBatch) {
        guard !batch.tokensRevoked.isEmpty || !batch.users.isEmpty else { return }
        authenticator?.forget(batch.tokensRevoked.union(batch.users))
    }
}
