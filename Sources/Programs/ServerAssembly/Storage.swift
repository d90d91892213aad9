package import EventLog
package import EventSigning
import HTTPFront
import KeyValueStore
package import ProjectionEngine
import Projections
package import ReadModel

/// The log and its projections, opened together for writing.
package final class Storage: Sendable {
    package let eventLog: LMDBEventLog
    package let views: Views
    package let engine: ProjectionEngine

    /// - Parameter onApplied: told of each batch once it can be read, on the log's apply thread.
    package init(
        data: DataDirectory,
        signingKey: SigningKey,
        log: StructuredLog,
        onApplied: @escaping @Sendable (AppliedBatch) -> Void
    ) throws {
        try DataDirectory.makeDirectories(data.log)
        let views = try ViewsDirectory.openTrusted(data: data) { log.warning($0) }
        let engine = try ProjectionEngine(views: views, projections: builtInProjections, onApplied: onApplied)
        self.views = views
        self.engine = engine
        eventLog = try LMDBEventLog(
            directory: data.log,
            wallClock: WallClock.nowMs,
            randomBytes: Randomness.bytes,
            signer: { signingKey.sign($0) },
            onCommitted: { try engine.apply($0) }
        )
        let started = ContinuousClock.now
        try engine.catchUp(from: eventLog) { position, head in
            if ContinuousClock.now - started > .seconds(1) {
                log.info("catching up", ("position", "\(position)"), ("head", "\(head)"))
            }
            return true
        }
    }

    /// The number in every sync token; a restore into the past changes it.
    package var epoch: UInt64 { eventLog.epoch }

    /// Writes everything out; the next start trusts the projections also after another boot.
    package func close() {
        eventLog.close()
        ViewsDirectory.closeCleanly(views)
    }
}
