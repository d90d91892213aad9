package import EventLog
package import EventSigning
import Glibc
package import HTTPFront
import KeyValueStore
package import ProjectionEngine
import Projections
package import ReadModel

/// The log and its projections, opened together for writing.
package final class Storage: Sendable {
    package let eventLog: LMDBEventLog
    package let views: Views
    package let engine: ProjectionEngine

    /// Opens both and brings the projections up to the log's head.
    ///
    /// - Parameter onApplied: told of each batch once it can be read, on the log's apply thread.
    package init(
        data: DataDirectory,
        signingKey: SigningKey,
        log: StructuredLog,
        onApplied: @escaping @Sendable (AppliedBatch) -> Void
    ) throws {
        try DataDirectory.makeDirectories(data.log)
        try DataDirectory.makeDirectories(data.views)
        // The log first: it holds the lock that keeps a second server away from both.
        let later = LateEngine()
        let eventLog = try LMDBEventLog(
            directory: data.log,
            wallClock: WallClock.nowMs,
            randomBytes: Randomness.bytes,
            signer: { message in (try? signingKey.signature(of: message)) ?? [] },
            onFatal: { fault in
                // After a failed sync nobody knows what the disk holds: never retry, never answer again.
                log.error("the disk failed; the server stops", [("fault", "\(fault)")])
                log.flush()
                _exit(70)
            },
            onCommitted: { try later.engine?.apply($0) }
        )
        do {
            views = try Views(directory: data.views)
            if views.wasDiscarded {
                log.warning("the machine stopped without closing the projections; they are built again from the log")
            }
            engine = ProjectionEngine(
                views: views, projections: builtInProjections, source: RecordSource(eventLog), onApplied: onApplied)
            later.engine = engine
            self.eventLog = eventLog
            try engine.catchUp { done, head, perSecond in
                log.info(
                    "catching up", [("position", "\(done)"), ("head", "\(head)"), ("per_second", "\(Int(perSecond))")])
                return true
            }
        } catch {
            eventLog.close()
            throw error
        }
    }

    /// After a full disk the log has records that the projections could not take, and no commit may come to bring them along.
    package func catchUpIfStuck(log: StructuredLog) {
        guard eventLog.durableHead > views.head, engine.halted == nil else { return }
        do {
            try engine.applyMissed()
        } catch {
            log.warning("the projections are behind the log", [("fault", "\(error)")])
        }
    }

    /// The number in every sync token; a restore into the past changes it.
    package var epoch: UInt64 { eventLog.epoch }

    /// Writes everything out; the next start trusts the projections also after another boot.
    package func close(log: StructuredLog) {
        eventLog.close()
        do { try views.close() } catch {
            log.warning("the projections were not closed cleanly", [("fault", "\(error)")])
        }
    }
}
