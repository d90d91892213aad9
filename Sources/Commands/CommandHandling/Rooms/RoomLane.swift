import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers
import RoomVersions

/// One room's serial place for writes: holds the head, committed or not, so that many sends share one group commit.
///
/// Decisions run one after another; waiting for the disk does not hold up the next decision. When a batch fails, all that
/// chained on it fail too (the log refuses them by stream version) and the lane is spent: the next command loads anew.
actor RoomLane {
    /// What a command decided: the events to append, the last of which answers the client.
    struct Outcome: Sendable {
        var facts: [PDURecorded]
        /// Facts of other streams that must become true in the same commit, with their expected versions.
        var others: [NewRecord] = []
        var otherExpectations: [(StreamID, UInt64)] = []
        let eventID: EventID
        /// Nothing to append: the room already is as asked.
        var isUnchanged: Bool { facts.isEmpty && others.isEmpty }
    }

    private struct Decided {
        let outcome: Outcome
        /// The stream version that it was decided on.
        let expected: UInt64
    }

    /// Where a client's transaction counts: one user, device and path.
    struct TransactionScope: Hashable, Sendable {
        let userID: UserID
        let transaction: PDURecorded.ClientTransaction
    }

    private let roomID: RoomID
    private let loader: RoomHeadLoader
    private let log: any EventLog
    private var head: RoomHeadState?
    private var inFlight: [TransactionScope: (EventID, PendingAppend)] = [:]
    private var pendingCount = 0
    /// Somebody waits until nothing is on its way to the disk, and others wait until that one has decided.
    private var isSettling = false
    private var behindSettling: [CheckedContinuation<Void, Never>] = []
    private var untilSettled: [CheckedContinuation<Void, Never>] = []
    /// A batch failed: this head never happened.
    private(set) var isSpent = false

    init(roomID: RoomID, loader: RoomHeadLoader, log: any EventLog) {
        self.roomID = roomID
        self.loader = loader
        self.log = log
    }

    /// Whether nothing waits, so that the lane may be dropped.
    var isIdle: Bool { pendingCount == 0 }

    /// Decides on the head and appends what was decided.
    ///
    /// - Parameters:
    ///   - scope: the client's transaction; a repeated one gets the first one's event.
    ///   - decide: pure; called on the lane, and again when it throws `NeedsSettledRoom`: then with nothing on its way.
    /// - Throws: `Rejection`, `AppendFault`, ``RoomHeadLoader/UnknownRoom``.
    func perform(
        caller: Caller,
        scope: TransactionScope? = nil,
        versionOfNew: RoomVersion? = nil,
        decide: @Sendable (inout RoomHeadState) throws -> Outcome
    ) async throws -> EventID {
        while isSettling { await withCheckedContinuation { behindSettling.append($0) } }
        if let scope {
            if let (eventID, pending) = inFlight[scope] {
                _ = try await pending.value()
                return eventID
            }
            if let eventID = try loader.committedTransaction(scope, room: roomID) { return eventID }
        }
        let started: (PendingAppend?, EventID)
        do {
            started = start(try decided(versionOfNew, decide), caller: caller, scope: scope)
        } catch is NeedsSettledRoom {
            started = try await startSettled {
                try decided(versionOfNew, decide)
            } then: {
                start($0, caller: caller, scope: scope)
            }
        }
        return try await finish(started, scope: scope)
    }

    /// Decides when all of the room is in the views. What comes meanwhile waits, so that it does not wait for ever.
    private func startSettled(
        _ decide: () throws -> Decided, then start: (Decided) -> (PendingAppend?, EventID)
    ) async throws -> (PendingAppend?, EventID) {
        while isSettling { await withCheckedContinuation { behindSettling.append($0) } }
        isSettling = true
        while pendingCount > 0 { await withCheckedContinuation { untilSettled.append($0) } }
        defer {
            isSettling = false
            let waiting = behindSettling
            behindSettling = []
            for waiter in waiting { waiter.resume() }
        }
        // A batch failed meanwhile: the head never happened, and another lane must load it.
        if isSpent { throw AppendFault.conflict(StreamID(kind: .room, name: roomID.rawValue), actual: 0) }
        return start(try decide())
    }

    private func decided(
        _ versionOfNew: RoomVersion?, _ decide: (inout RoomHeadState) throws -> Outcome
    ) throws -> Decided {
        var current = try head ?? loader.load(roomID, versionOfNew: versionOfNew)
        head = nil
        // What is still on its way to the disk could not be loaded again.
        if current.heldEntries > 4096, pendingCount == 0 { current = current.forgettingEntries() }
        current.isSettled = pendingCount == 0
        let expected = current.streamVersion
        do {
            let outcome = try decide(&current)
            head = current
            return Decided(outcome: outcome, expected: expected)
        } catch {
            if current.streamVersion == expected { head = current }
            throw error
        }
    }

    /// Hands what was decided to the log; nothing when there is nothing to append.
    private func start(
        _ decided: Decided, caller: Caller, scope: TransactionScope?
    ) -> (PendingAppend?, EventID) {
        let outcome = decided.outcome
        if outcome.isUnchanged { return (nil, outcome.eventID) }
        let pending = enqueue(outcome, expected: decided.expected, caller: caller)
        if let scope { inFlight[scope] = (outcome.eventID, pending) }
        pendingCount += 1
        return (pending, outcome.eventID)
    }

    private func finish(_ started: (PendingAppend?, EventID), scope: TransactionScope?) async throws -> EventID {
        guard let pending = started.0 else { return started.1 }
        // No state read across this await that is not checked again: only counters and this command's own entries change.
        let result: Result<AppendReceipt, any Error>
        do {
            result = .success(try await pending.value())
        } catch {
            result = .failure(error)
            isSpent = true
            head = nil
        }
        pendingCount -= 1
        if let scope { inFlight[scope] = nil }
        if pendingCount == 0 {
            let waiting = untilSettled
            untilSettled = []
            for waiter in waiting { waiter.resume() }
        }
        _ = try result.get()
        return started.1
    }

    private func enqueue(_ outcome: Outcome, expected: UInt64, caller: Caller) -> PendingAppend {
        let stream = StreamID(kind: .room, name: roomID.rawValue)
        var records: [NewRecord] = []
        records.reserveCapacity(outcome.facts.count + outcome.others.count)
        for fact in outcome.facts {
            records.append(fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID))
        }
        var expected = expected
        let early = earlyBatches(outcome.facts, records)
        for part in early {
            // When one of them fails, so do all behind it: they expect its records.
            _ = PendingAppend(LogBatch(records: Array(records[part]), expected: [(stream, expected)]), to: log)
            expected += UInt64(part.count)
        }
        if let last = early.last { records.removeFirst(last.upperBound) }
        records.append(contentsOf: outcome.others)
        var expectations = outcome.otherExpectations
        if !outcome.facts.isEmpty { expectations.append((stream, expected)) }
        return PendingAppend(LogBatch(records: records, expected: expectations), to: log)
    }

    /// Events without their place change nothing until another record needs them: of very many the first may become durable
    /// before the rest.
    private func earlyBatches(_ facts: [PDURecorded], _ records: [NewRecord]) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = 0
        var bytes = 0
        for index in facts.indices {
            guard facts[index].isOutlier else { break }
            bytes += records[index].payload.count
            guard index - start >= Self.largestBatch || bytes >= Self.largestBatchBytes else { continue }
            parts.append(start..<(index + 1))
            start = index + 1
            bytes = 0
        }
        return parts
    }

    private static let largestBatch = 8192
    private static let largestBatchBytes = 8 << 20
}
