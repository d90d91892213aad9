import KeyValueStore
import Synchronization

/// The body of the writer thread: takes all that waits, appends it in one commit, hands it on to be applied.
///
/// No timer: while a commit is synced the next group gathers.
final class LogWriter: Sendable {
    let storage: LogStorage
    let encoder: RecordEncoder
    let queue: WriterQueue
    let applier: GroupApplier
    let options: LogOptions
    let wallClock: @Sendable () -> Int64
    let signer: @Sendable ([UInt8]) -> [UInt8]
    let onFatal: @Sendable (StoreFault) -> Void
    let durableHead: Atomic<UInt64>
    let epoch: Atomic<UInt64>

    init(
        storage: LogStorage, encoder: RecordEncoder, options: LogOptions, state: WriterState,
        wallClock: @escaping @Sendable () -> Int64,
        signer: @escaping @Sendable ([UInt8]) -> [UInt8],
        onFatal: @escaping @Sendable (StoreFault) -> Void,
        onCommitted: (@Sendable ([EventRecord]) throws -> Void)?
    ) {
        self.storage = storage
        self.encoder = encoder
        self.options = options
        queue = WriterQueue(options: options)
        applier = GroupApplier(onCommitted: onCommitted)
        self.wallClock = wallClock
        self.signer = signer
        self.onFatal = onFatal
        durableHead = Atomic(state.head)
        epoch = Atomic(UInt64(state.epoch))
    }

    /// Runs until the queue is closed and empty.
    func run(_ initial: WriterState) {
        var state = initial
        while let work = queue.take() {
            let isIdle = work.isLast && work.single == nil
            commit(work.batches, cursors: work.cursors, isIdle: isIdle, &state)
            switch work.single {
            case .erase(let request): erase(request, &state)
            case .openEpoch(let reason, let completion): openEpoch(reason, completion, &state)
            case .append, nil: break
            }
        }
        if state.head > state.checkpoint.position { checkpoint(&state) }
        applier.close()
    }

    // MARK: - Appending

    private func commit(
        _ batches: [(PreparedParts, AppendCompletion)], cursors: [String: LogPosition], isIdle: Bool,
        _ state: inout WriterState
    ) {
        if batches.isEmpty, cursors.isEmpty { return }
        var plan = GroupPlan(storage: storage, state: state, wallTimeMs: wallClock())
        var acknowledgements: [(completion: AppendCompletion, receipt: AppendReceipt)] = []
        var refused: [(AppendCompletion, AppendFault)] = []
        acknowledgements.reserveCapacity(batches.count)
        for (prepared, completion) in batches {
            do throws(AppendFault) {
                let positions = try plan.add(prepared)
                acknowledgements.append(
                    (completion, AppendReceipt(positions: positions, wallTimeMs: plan.wallTimeMs)))
            } catch {
                refused.append((completion, error))
            }
        }
        let fault = finish(&plan, acknowledgements, isIdle: isIdle, &state) { [storage] transaction in
            for (name, position) in cursors {
                try transaction.put(storage.cursors, name, StoreKey(position.rawValue))
            }
        }
        if fault == nil, !cursors.isEmpty { queue.cursorsWereStored(cursors) }
        // A refusal may rest on a record of this group, so it is told only when the group's fate is known.
        for (completion, refusal) in refused { completion(.failure(fault ?? refusal)) }
    }

    /// Commits a plan with whatever else belongs to it, and hands it on. On a fault all its callers hear of it.
    func finish(
        _ plan: inout GroupPlan, _ acknowledgements: [(completion: AppendCompletion, receipt: AppendReceipt)],
        isIdle: Bool, withCheckpoint: Bool = false, _ state: inout WriterState,
        _ more: (borrowing WriteTransaction) throws -> Void
    ) -> AppendFault? {
        do {
            var checkpoint: LogMeta.Checkpoint?
            if withCheckpoint || isCheckpointDue(plan, state) {
                checkpoint = try addCheckpoint(&plan)
            }
            try storage.environment.write { transaction in
                try plan.store(transaction)
                if let checkpoint { try transaction.put(storage.meta, LogMeta.checkpoint, checkpoint.bytes) }
                try more(transaction)
            }
            plan.advance(&state)
            if let checkpoint { state.checkpoint = checkpoint }
        } catch {
            let fault = Self.appendFault(error)
            if case .storage(let storeFault) = fault, storeFault.isFatal {
                queue.close(fault)
                onFatal(storeFault)
            }
            for acknowledgement in acknowledgements { acknowledgement.completion(.failure(fault)) }
            return fault
        }
        durableHead.store(state.head, ordering: .releasing)
        if !plan.isEmpty || !acknowledgements.isEmpty {
            applier.deliver(
                CommittedGroup(plan: plan, acknowledgements: acknowledgements), canBlock: isIdle && queue.isEmpty)
        }
        return nil
    }

    static func appendFault(_ error: any Error) -> AppendFault {
        switch error {
        case let fault as AppendFault: fault
        case let fault as StoreFault: .storage(fault)
        default: .log(LogFault(error))
        }
    }

    // MARK: - Checkpoints

    private func isCheckpointDue(_ plan: GroupPlan, _ state: WriterState) -> Bool {
        guard !plan.isEmpty else { return false }
        return plan.head - state.checkpoint.position >= options.checkpointRecords
            || plan.wallTimeMs - state.checkpoint.wallTimeMs >= options.checkpointMs
    }

    private func addCheckpoint(_ plan: inout GroupPlan) throws(AppendFault) -> LogMeta.Checkpoint {
        let signed = CheckpointPayload.signedBytes(logID: storage.logID, position: plan.head, chain: plan.chain)
        let payload = CheckpointPayload(position: plan.head, chain: plan.chain, signature: signer(signed))
        try addSystemRecord(.checkpoint, payload.bytes, to: &plan)
        return LogMeta.Checkpoint(position: plan.head, wallTimeMs: plan.wallTimeMs)
    }

    private func checkpoint(_ state: inout WriterState) {
        var plan = GroupPlan(storage: storage, state: state, wallTimeMs: wallClock())
        _ = finish(&plan, [], isIdle: true, withCheckpoint: true, &state) { _ in }
    }

    // MARK: - The log's own records

    @discardableResult
    private func addSystemRecord(
        _ kind: RecordKind, actor: String = "", _ payload: [UInt8], to plan: inout GroupPlan
    ) throws(AppendFault) -> ClosedRange<LogPosition> {
        let record = NewRecord(kind: kind, stream: .none, actor: actor, payload: payload)
        return try plan.add(PreparedParts(try encoder.prepare(LogBatch(records: [record]))))
    }

    private func openEpoch(_ reason: String, _ completion: @escaping AppendCompletion, _ state: inout WriterState) {
        let next = LogMeta.Epoch(number: state.epoch &+ 1, identifier: encoder.randomBytes(16))
        state.epoch = next.number
        var plan = GroupPlan(storage: storage, state: state, wallTimeMs: wallClock())
        do throws(AppendFault) {
            let opening = EpochOpening(number: UInt64(next.number), identifier: next.identifier, reason: reason)
            let positions = try addSystemRecord(.epochOpened, opening.bytes, to: &plan)
            let receipt = AppendReceipt(positions: positions, wallTimeMs: plan.wallTimeMs)
            let fault = finish(&plan, [(completion, receipt)], isIdle: true, &state) { [storage] transaction in
                try transaction.put(storage.meta, LogMeta.epoch, next.bytes)
            }
            if fault == nil {
                epoch.store(UInt64(next.number), ordering: .releasing)
            } else {
                state.epoch &-= 1
            }
        } catch {
            state.epoch &-= 1
            completion(.failure(error))
        }
    }

    private func erase(_ request: EraseRequest, _ state: inout WriterState) {
        var plan = GroupPlan(storage: storage, state: state, wallTimeMs: wallClock())
        do {
            var items: [Erasure.Item] = []
            var values: [[UInt8]] = []
            for position in Set(request.positions).sorted() {
                guard let value = try eraseOne(position, request.replacement) else { continue }
                items.append(Erasure.Item(position: position, replacement: value.digest))
                values.append(value.bytes)
            }
            let erasure = Erasure(items: items, actor: request.actor, reason: request.reason)
            let positions = try addSystemRecord(.erasure, actor: request.actor, erasure.bytes, to: &plan)
            let receipt = AppendReceipt(positions: positions, wallTimeMs: plan.wallTimeMs)
            _ = finish(&plan, [(request.completion, receipt)], isIdle: true, &state) { [storage] transaction in
                for (item, value) in zip(items, values) {
                    try transaction.put(storage.records, StoreKey(item.position.rawValue), value)
                }
                try transaction.put(storage.meta, LogMeta.scrub, StoreKey(items.last?.position.rawValue ?? 0))
            }
        } catch {
            request.completion(.failure(Self.appendFault(error)))
        }
    }

    /// The bytes of an erased record and the digest of what replaces the payload; nil for what cannot be erased.
    private func eraseOne(
        _ position: LogPosition, _ replacement: (EventRecord) throws -> [UInt8]?
    ) throws -> (bytes: [UInt8], digest: Hash32)? {
        let stored = try storage.environment.read { try $0.getBytes(storage.records, StoreKey(position.rawValue)) }
        guard let stored else { return nil }
        return try stored.withUnsafeBytes { bytes in
            let record = try storage.decode(position: position.rawValue, bytes, upToDate: false)
            // The log's own records hold nothing of a person, and verification needs them.
            guard !record.kind.isSystem else { return nil }
            let left = try replacement(record) ?? []
            let parts = try StoredRecord(position: position.rawValue, bytes: bytes)
            let value = try storage.withBody(parts) { body in
                encoder.erased(parts, texts: body.texts, replacement: left)
            }
            return (value, Hash32.plain(left))
        }
    }
}
