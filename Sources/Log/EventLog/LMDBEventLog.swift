package import KeyValueStore
import Synchronization

/// The log in one LMDB environment, written by one thread of this process.
package final class LMDBEventLog: EventLog {
    private let storage: LogStorage
    private let encoder: RecordEncoder
    private let writer: LogWriter
    private let writerThread: WorkerThread
    private let applyThread: WorkerThread

    /// Opens the log, creating it when the directory is empty, and checks its end.
    ///
    /// - Parameters:
    ///   - wallClock: milliseconds since 1970; asked once for each group.
    ///   - randomBytes: so many unpredictable bytes, for salts and identifiers.
    ///   - signer: an Ed25519 signature for checkpoints.
    ///   - onFatal: told once when a sync has failed: the process must stop.
    ///   - onCommitted: applies each durable group, in order, before its callers are answered. It runs on one thread
    ///     at a time and may read the log.
    package init(
        directory: String,
        options: LogOptions = LogOptions(),
        upcasters: Upcasters = Upcasters(),
        wallClock: @escaping @Sendable () -> Int64,
        randomBytes: @escaping @Sendable (Int) -> [UInt8],
        signer: @escaping @Sendable ([UInt8]) -> [UInt8],
        onFatal: @escaping @Sendable (StoreFault) -> Void = { _ in },
        onCommitted: (@Sendable ([EventRecord]) throws -> Void)? = nil
    ) throws(LogFault) {
        do {
            let environment = try StoreEnvironment(directory: directory, options: options.store)
            storage = try LogStorage(environment: environment, upcasters: upcasters) { randomBytes(16) }
            let dictionary = try storage.installDictionary(level: options.compressionLevel)
            encoder = RecordEncoder(
                compression: Compression(dictionary: dictionary, options: options), randomBytes: randomBytes)
            let end = try storage.checkedEnd()
            // The time until the next checkpoint begins now: the log was at rest.
            let checkpoint = LogMeta.Checkpoint(
                position: try storage.lastCheckpoint().position, wallTimeMs: wallClock())
            let state = WriterState(
                head: end.head, chain: end.chain, epoch: try storage.epoch().number, checkpoint: checkpoint)
            writer = LogWriter(
                storage: storage, encoder: encoder, options: options, state: state, wallClock: wallClock,
                signer: signer, onFatal: onFatal, onCommitted: onCommitted)
            let writer = writer
            guard let applyThread = WorkerThread(name: "log-apply", { writer.applier.run() }),
                let writerThread = WorkerThread(name: "log-writer", { writer.run(state) })
            else {
                writer.applier.close()
                throw StoreFault(code: .misuse, operation: "starting the log's threads", path: directory)
            }
            self.applyThread = applyThread
            self.writerThread = writerThread
        } catch {
            throw LogFault(error)
        }
    }

    deinit {
        close()
    }

    // MARK: - Appending

    package func append(_ batch: LogBatch) async throws(AppendFault) -> AppendReceipt {
        guard batch.records.count >= RecordEncoder.sharedFrom else {
            let result = await withUnsafeContinuation { continuation in
                enqueue(batch) { continuation.resume(returning: $0) }
            }
            return try result.get()
        }
        try checkAdmission(batch)
        let prepared = try await encoder.prepareShared(batch)
        return try await perform { .append(prepared, $0) }
    }

    package func enqueue(
        _ batch: LogBatch, completion: @escaping @Sendable (Result<AppendReceipt, AppendFault>) -> Void
    ) {
        do throws(AppendFault) {
            try checkAdmission(batch)
            let prepared = PreparedParts(try encoder.prepare(batch))
            if let refusal = writer.queue.push(.append(prepared, completion)) { throw refusal }
        } catch {
            completion(.failure(error))
        }
    }

    /// Refuses before the work of encoding what would be refused after it.
    private func checkAdmission(_ batch: LogBatch) throws(AppendFault) {
        if let refusal = writer.queue.refusal { throw refusal }
        guard !batch.records.contains(where: \.kind.isSystem) else { throw .tooLarge }
    }

    package var durableHead: LogPosition {
        LogPosition(rawValue: writer.durableHead.load(ordering: .acquiring))
    }

    // MARK: - Reading

    package func read(from position: LogPosition, limit: Int) throws(LogFault) -> [EventRecord] {
        try storage.read(from: position, limit: limit)
    }

    package func record(at position: LogPosition) throws(LogFault) -> EventRecord? {
        try storage.record(at: position)
    }

    package func streamVersion(of stream: StreamID) throws(LogFault) -> UInt64 {
        do {
            return try storage.streamVersion(of: stream)
        } catch {
            throw LogFault(error)
        }
    }

    /// A reader of this log in the same process, which shares its environment.
    package var reader: LogReader { LogReader(storage: storage, epoch: epoch) }

    package var usage: StoreUsage {
        get throws { try storage.environment.usage }
    }

    // MARK: - Epochs and cursors

    /// How often the log has been restored into the past, counted from 1.
    package var epoch: UInt64 { writer.epoch.load(ordering: .acquiring) }

    /// The random identifier of the epoch: two logs restored from one backup have different ones.
    package var epochIdentifier: [UInt8] {
        get throws { try storage.epoch().identifier }
    }

    /// Begins a new epoch, after a restore into the past.
    @discardableResult
    package func openEpoch(reason: String) async throws(AppendFault) -> AppendReceipt {
        try await perform { .openEpoch(reason: reason, $0) }
    }

    /// How far a reactor has acted; `.none` at first.
    package func cursor(_ name: String) throws(LogFault) -> LogPosition {
        if let pending = writer.queue.pendingCursor(name) { return pending }
        do {
            return try storage.cursor(name)
        } catch {
            throw LogFault(error)
        }
    }

    /// The cursors whose names begin with a text.
    package func cursors(named prefix: String) throws(LogFault) -> [String: LogPosition] {
        do {
            let stored = try storage.cursors(named: prefix)
            return stored.merging(writer.queue.pendingCursors(named: prefix)) { _, pending in pending }
        } catch {
            throw LogFault(error)
        }
    }

    /// Notes how far a reactor has acted. It is stored with the next commit; after a crash before that the reactor
    /// sees the same records again.
    package func setCursor(_ name: String, to position: LogPosition) {
        writer.queue.setCursor(name, to: position)
    }

    // MARK: - Erasure

    /// Destroys payloads and their salts, as one commit with a record that says who did it and why.
    ///
    /// The chain still verifies, for it covers digests only. The old bytes may remain in pages that the store has
    /// freed until `scrub` overwrites them. The log's own records and positions past the head are passed over.
    ///
    /// - Parameter replacement: what is left in the payload's place, such as the redacted event; nil for nothing.
    @discardableResult
    package func erase(
        positions: [LogPosition],
        replacement: @escaping @Sendable (EventRecord) throws -> [UInt8]?,
        actor: String,
        reason: String
    ) async throws(AppendFault) -> AppendReceipt {
        guard positions.count <= 65_536, reason.utf8.count <= 65_536 else { throw .tooLarge }
        return try await perform {
            .erase(
                EraseRequest(
                    positions: positions, replacement: replacement, actor: actor, reason: reason, completion: $0))
        }
    }

    private func perform(
        _ request: (@escaping AppendCompletion) -> WriterRequest
    ) async throws(AppendFault) -> AppendReceipt {
        let result: Result<AppendReceipt, AppendFault> = await withUnsafeContinuation { continuation in
            let completion: AppendCompletion = { continuation.resume(returning: $0) }
            if let refusal = writer.queue.push(request(completion)) { completion(.failure(refusal)) }
        }
        return try result.get()
    }

    /// Overwrites what erasures have left in unused parts of the file. It reads the whole file, in slices between
    /// which appends go on, so it is worth collecting erasures for it.
    @discardableResult
    package func scrub() async throws(LogFault) -> ScrubReport {
        let environment = storage.environment
        let meta = storage.meta
        let result: Result<ScrubReport, LogFault> = await withUnsafeContinuation { continuation in
            let thread = WorkerThread(name: "log-scrub") {
                do {
                    let report = try environment.scrub { try $0.put(meta, LogMeta.scrub, $1) }
                    continuation.resume(returning: .success(report))
                } catch {
                    continuation.resume(returning: .failure(LogFault(error)))
                }
            }
            if thread == nil {
                let fault = StoreFault(code: .misuse, operation: "starting a thread", path: environment.directory)
                continuation.resume(returning: .failure(.storage(fault)))
            }
        }
        return try result.get()
    }

    // MARK: - The end

    /// Does what is enqueued, writes a last checkpoint and closes the files. Later calls fail with `.closed`.
    package func close() {
        writer.queue.close(.closed)
        writerThread.join()
        applyThread.join()
        storage.environment.close()
    }
}
