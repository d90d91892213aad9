import ProjectionEngine
import Synchronization

/// Breaks the circle of log and engine: the log is opened first and told later who applies its records.
final class LateEngine: Sendable {
    private let held = Mutex<ProjectionEngine?>(nil)

    var engine: ProjectionEngine? {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }
}
