import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers

/// One room's serial place for writes: holds the head, committed or not, so that many sends share one group commit.
///
/// Decisions run one after another; waiting for the disk does not hold up the next decision. When a batch fails, all that
/// chained on it fail too (the log refuses them by stream version) and the lane is spent: the next command loads anew.
actor RoomLane {
    /// What a command decided: the events to append, the last of which answers the client.
    struct Outcome: Sendable {
        let facts: [PDURecorded]
        /// Facts of other streams that must become true in the same commit, with their expected versions.
        var others: [NewRecord] = []
        var otherExpectations: [(StreamID, UInt64)] = []
        let eventID: EventID
        /// Nothing to append: the room already is as asked.
        var isUnchanged: Bool { facts.isEmpty && others.isEmpty }
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
    ///   - decide: pure; called once, on the lane.
    /// - Throws: `Rejection`, `AppendFault`, ``RoomHeadLoader/UnknownRoom``.
    func perform(
        caller: Caller,
        scope: TransactionScope? = nil,
        decide: @Sendable (inout RoomHeadState) throws -> Outcome
    ) async throws -> EventID {
        if let scope {
            if let (eventID, pending) = inFlight[scope] {
                _ = try await pending.value()
                return eventID
            }
            if let eventID = try loader.committedTransaction(scope, room: roomID) { return eventID }
        }
        var current = try head ?? loader.load(roomID)
        head = nil
        // What is still on its way to the disk could not be loaded again.
        if current.heldEntries > 4096, pendingCount == 0 { current = current.forgettingEntries() }
        let expected = current.streamVersion
        let outcome: Outcome
        do {
            outcome = try decide(&current)
        } catch {
            if current.streamVersion == expected { head = current }
            throw error
        }
        head = current
        if outcome.isUnchanged { return outcome.eventID }
        let pending = enqueue(outcome, expected: expected, caller: caller)
        if let scope { inFlight[scope] = (outcome.eventID, pending) }
        pendingCount += 1
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
        _ = try result.get()
        return outcome.eventID
    }

    private func enqueue(_ outcome: Outcome, expected: UInt64, caller: Caller) -> PendingAppend {
        let stream = StreamID(kind: .room, name: roomID.rawValue)
        var records: [NewRecord] = []
        records.reserveCapacity(outcome.facts.count + outcome.others.count)
        for fact in outcome.facts {
            records.append(fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID))
        }
        records.append(contentsOf: outcome.others)
        var expectations = outcome.otherExpectations
        if !outcome.facts.isEmpty { expectations.append((stream, expected)) }
        return PendingAppend(LogBatch(records: records, expected: expectations), to: log)
    }
}
