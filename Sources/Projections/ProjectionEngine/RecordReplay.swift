import EventLog
import KeyValueStore
import ReadModel

/// Replays a stretch of the log: one thread reads and decodes, the other writes, in large transactions.
struct RecordReplay {
    let lineup: ProjectionLineup
    let context: BatchContext
    let environment: StoreEnvironment
    let source: RecordSource
    let chunksPerTransaction: Int
    let progress: ReplayProgress?
    /// Writes the checkpoint of this replay in the same transaction.
    let checkpoint: (DecodedRecord, borrowing WriteTransaction) throws -> Void
    /// The transaction is committed.
    let committed: (DecodedRecord) -> Void

    /// Records that are read and handed over at once.
    static let chunk = 1024
    /// A transaction ends early after so many bytes of payload.
    static let bytesPerTransaction = 64 << 20

    /// Applies the records after `start` up to `end`.
    ///
    /// - Throws: ``HaltedProjection`` after applying all before the offending record; ``ProjectionFault/interrupted``.
    func run(after start: LogPosition, upTo end: LogPosition) throws {
        guard start < end else { return }
        let handoff = BoundedHandoff<[DecodedRecord]>(capacity: 20)
        let source = source
        let reader = WorkThread { Self.read(after: start, upTo: end, source, into: handoff) }
        defer {
            handoff.abandon()
            reader.join()
        }
        let clock = ContinuousClock()
        let began = clock.now
        var done = start
        var halt: HaltedProjection?
        while done < end, halt == nil {
            let last = try writeOne(handoff, &halt)
            if let last {
                done = last.position
                committed(last)
            }
            guard let progress else { continue }
            let seconds = Double((clock.now - began) / .milliseconds(1)) / 1000
            let count = Double(done.rawValue - start.rawValue)
            if !progress(done, end, seconds > 0 ? count / seconds : 0), done < end {
                throw ProjectionFault.interrupted
            }
        }
        if let halt { throw halt }
    }

    /// Fills one transaction. What was taken is kept until the commit, because a full map runs the body again.
    private func writeOne(
        _ handoff: BoundedHandoff<[DecodedRecord]>, _ halt: inout HaltedProjection?
    ) throws -> DecodedRecord? {
        var taken: [[DecodedRecord]] = []
        var stopBefore: LogPosition?
        var ending: (any Error)?
        while true {
            do {
                let last = try environment.write { transaction in
                    try fill(transaction, handoff, &taken, stopBefore, &ending)
                }
                context.end()
                if let ending {
                    guard let found = ending as? HaltedProjection else { throw ending }
                    halt = found
                }
                return last
            } catch let found as HaltedProjection {
                // The transaction is gone; fill another with what came before the offending record.
                if found.position <= (taken.first?.first?.position ?? found.position) {
                    halt = found
                    return nil
                }
                halt = found
                stopBefore = found.position
            }
        }
    }

    private func fill(
        _ transaction: borrowing WriteTransaction, _ handoff: BoundedHandoff<[DecodedRecord]>,
        _ taken: inout [[DecodedRecord]], _ stopBefore: LogPosition?, _ ending: inout (any Error)?
    ) throws -> DecodedRecord? {
        context.begin(after: LogPosition.none)
        var last: DecodedRecord?
        var index = 0
        var bytes = 0
        chunks: while index < chunksPerTransaction, bytes < Self.bytesPerTransaction {
            if index == taken.count {
                if stopBefore != nil || ending != nil { break }
                do {
                    guard let next = try handoff.take() else { break }
                    taken.append(next)
                } catch {
                    // What was read before the fault is applied all the same.
                    ending = error
                    break
                }
            }
            for record in taken[index] {
                if let stopBefore, record.position >= stopBefore { break chunks }
                try HaltedProjection.applying(record, lineup, transaction, context)
                last = record
                bytes += record.size
            }
            index += 1
        }
        try context.flush(transaction)
        if let last { try checkpoint(last, transaction) }
        return last
    }

    private static func read(
        after start: LogPosition, upTo end: LogPosition, _ source: RecordSource,
        into handoff: BoundedHandoff<[DecodedRecord]>
    ) {
        var next = start.next
        var decoded: [DecodedRecord] = []
        do {
            while next <= end {
                let wanted = min(end.rawValue - next.rawValue + 1, UInt64(chunk))
                let records = try source.read(next, Int(wanted))
                guard records.first?.position == next else {
                    throw ProjectionFault.gap(expected: next, found: records.first?.position ?? end)
                }
                decoded = []
                decoded.reserveCapacity(records.count)
                for index in records.indices where records[index].position <= end {
                    decoded.append(try HaltedProjection.decoding(records[index], isLast: index == records.count - 1))
                }
                next = LogPosition(rawValue: next.rawValue + UInt64(decoded.count))
                guard handoff.give(decoded) else { return }
            }
            handoff.end(.success(()))
        } catch {
            if error is HaltedProjection, !decoded.isEmpty { _ = handoff.give(decoded) }
            handoff.end(.failure(error))
        }
    }
}
