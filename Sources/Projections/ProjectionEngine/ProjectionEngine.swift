package import EventLog
import KeyValueStore
import LogEvents
package import ReadModel
import Synchronization

/// Applies records to all projections: a batch is one transaction, with the checkpoint in it.
package final class ProjectionEngine: Sendable {
    package let views: Views
    package let projections: [any Projection]
    let lineup: ProjectionLineup
    private let onApplied: @Sendable (AppliedBatch) -> Void
    let source: Mutex<RecordSource?>
    /// Chunks of records in one transaction of a replay.
    let replayChunks: Int
    private let gate = Mutex<Void>(())
    private let state: State

    /// What applying changes.
    // SAFETY: read and written only while the engine's `gate` is held.
    final class State: @unchecked Sendable {
        var context: BatchContext
        var halted: HaltedProjection?

        init(context: BatchContext) {
            self.context = context
        }
    }

    /// - Parameters:
    ///   - projections: in the order in which they apply each record; names first.
    ///   - source: where missed records are read; may be connected later.
    ///   - replayChunks: how many chunks of 1,024 records a replay writes in one transaction. Many, because keys by hash
    ///     touch a page each, and a page is written once a transaction.
    ///   - onApplied: called after each commit, on the thread that applied; it must be quick.
    package init(
        views: Views,
        projections: [any Projection],
        source: RecordSource? = nil,
        replayChunks: Int = 32,
        onApplied: @escaping @Sendable (AppliedBatch) -> Void = { _ in }
    ) {
        self.views = views
        self.projections = projections
        lineup = ProjectionLineup(projections)
        self.onApplied = onApplied
        self.replayChunks = replayChunks
        self.source = Mutex(source)
        state = State(context: BatchContext(tables: views.tables))
    }

    /// Names the log, which is often made after the engine.
    package func connect(to source: RecordSource) {
        self.source.withLock { $0 = source }
    }

    /// Where the engine stands when it can no longer go on; nil while it can.
    package var halted: HaltedProjection? { gate.withLock { _ in state.halted } }

    /// How many durable records the views do not include yet.
    package func lag() throws -> UInt64 {
        guard let source = source.withLock({ $0 }) else { return 0 }
        let head = try source.head().rawValue
        let applied = views.head.rawValue
        return head > applied ? head - applied : 0
    }

    // MARK: - The live path

    /// Applies the records of a group commit; those that the views include already are passed over.
    ///
    /// Records that were missed, perhaps because the disk was full for a while, are read from the log first.
    ///
    /// - Throws: ``HaltedProjection``, now and ever after; ``ProjectionFault``; `StoreFault`, after which a later call tries
    ///   again.
    package func apply(_ records: [EventRecord]) throws {
        try gate.withLock { _ in
            if let halted = state.halted { throw halted }
            let head = views.head
            guard let last = records.last, last.position > head else { return }
            let fresh =
                records.first.map { $0.position > head } == true ? records : records.filter { $0.position > head }
            if let first = fresh.first, first.position > head.next {
                guard let source = source.withLock({ $0 }) else {
                    throw ProjectionFault.gap(expected: head.next, found: first.position)
                }
                try readMissed(until: first.position, source)
            }
            try applyHaltingExactly(fresh)
        }
    }

    /// Applies what the log has more than the views, as when the views could not be written for a while: otherwise that would
    /// wait for the next commit, and commands that are decided on the views would be refused until then.
    package func applyMissed() throws {
        try gate.withLock { _ in
            if let halted = state.halted { throw halted }
            guard let source = source.withLock({ $0 }) else { return }
            try readMissed(until: try source.head().next, source)
        }
    }

    private func readMissed(until end: LogPosition, _ source: RecordSource) throws {
        while views.head.next < end {
            let wanted = min(end.rawValue - views.head.next.rawValue, 1024)
            let missed = try source.read(views.head.next, Int(wanted))
            guard missed.first?.position == views.head.next else {
                throw ProjectionFault.gap(expected: views.head.next, found: end)
            }
            try applyHaltingExactly(missed)
        }
    }

    /// Applies records; on a halt those before the offending one are applied all the same.
    private func applyHaltingExactly(_ records: [EventRecord]) throws {
        do {
            try commit(try decode(records))
        } catch let halt as HaltedProjection {
            let before = records.prefix { $0.position < halt.position }
            if !before.isEmpty { try commit(try decode(Array(before))) }
            state.halted = halt
            throw halt
        }
    }

    private func decode(_ records: [EventRecord]) throws(HaltedProjection) -> [DecodedRecord] {
        var decoded: [DecodedRecord] = []
        decoded.reserveCapacity(records.count)
        for index in records.indices {
            decoded.append(try HaltedProjection.decoding(records[index], isLast: index == records.count - 1))
        }
        return decoded
    }

    private func commit(_ records: [DecodedRecord]) throws {
        guard let last = records.last else { return }
        let context = state.context
        try views.environment.write { transaction in
            context.begin(after: last.position)
            for record in records {
                try HaltedProjection.applying(record, lineup, transaction, context)
            }
            try context.flush(transaction)
            try ViewCheckpoint.setHead(last.position, chainHash: last.chainHash, transaction, views.checkpoints)
        }
        context.end()
        views.advance(to: last.position)
        onApplied(context.touched)
    }

    // MARK: - For catching up and rebuilding

    /// Runs `body` while no batch can be applied, and with nothing left of the caches after it.
    func exclusively<R>(_ body: (State) throws -> R) throws -> R {
        try gate.withLock { _ in
            if let halted = state.halted { throw halted }
            return try body(state)
        }
    }

    func requireSource() throws -> RecordSource {
        guard let source = source.withLock({ $0 }) else {
            throw ProjectionFault.gap(expected: views.head.next, found: views.head.next)
        }
        return source
    }
}

extension HaltedProjection {
    /// Reads a record's payload; what cannot be read halts everything.
    static func decoding(_ record: EventRecord, isLast: Bool) throws(HaltedProjection) -> DecodedRecord {
        do {
            return try DecodedRecord(record, isLast: isLast)
        } catch {
            throw HaltedProjection(name: "decoding", position: record.position, reason: error.description)
        }
    }

    /// Applies one record to each projection. Faults of the store are no fault of the record and pass through.
    static func applying(
        _ record: DecodedRecord, _ lineup: ProjectionLineup, _ transaction: borrowing WriteTransaction,
        _ context: BatchContext
    ) throws {
        for projection in lineup.concerned(by: record) {
            do {
                try projection.apply(record, transaction, context)
            } catch let fault as StoreFault {
                throw fault
            } catch {
                throw HaltedProjection(name: projection.name, position: record.position, reason: "\(error)")
            }
        }
    }
}
