import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel

extension DelayedEventCommands {
    /// Somebody else restarted, sent or cancelled the event first.
    private struct Outrun: Error {}

    /// Sends what is due: the events of one room in the order of their times, those of different rooms side by side.
    ///
    /// - Returns: how many were looked at; as many as `limit` means that there may be more.
    package func sendDue(limit: Int = 256) async throws -> Int {
        let due = try queries.due(atMs: environment.nowMs(), limit: limit)
        var byRoom: [String: [DelayedEventRow]] = [:]
        for event in due { byRoom[event.roomID, default: []].append(event) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for events in byRoom.values {
                group.addTask { [self] in
                    for event in events { try await settle(event) }
                }
            }
            try await group.waitForAll()
        }
        return due.count
    }

    /// Sends an event whose time has come, or notes why it cannot be: it is not tried again.
    private func settle(_ event: DelayedEventRow) async throws {
        do {
            _ = try await deliver(event)
        } catch let rejection as Rejection {
            let user = try accounts.userID(event.user)
            let error: JSONValue = ["errcode": .string(rejection.errcode), "error": .string(rejection.message)]
            let fact = DelayedEventFinalised(
                delayID: event.delayID, userID: user.rawValue, atMs: environment.nowMs(), error: error)
            do {
                try await append(
                    fact, delayID: event.delayID, expecting: event.version, caller: Self.caller(user, isGuest: false))
            } catch AppendFault.conflict {
                return
            }
        }
    }

    /// Whoever sends a delayed event is no device: by this, and the delay ID as its transaction, the sent event is known for
    /// one that was delayed.
    private static func caller(_ user: UserID, isGuest: Bool) -> Caller {
        Caller(userID: user, deviceID: "", isGuest: isGuest, requestID: "delayed-event")
    }

    /// Sends an event in one commit with the fact that it was sent.
    ///
    /// - Returns: false when it is no longer as it was read.
    /// - Throws: ``Rejection`` when the rules of the room or the server forbid it now.
    func deliver(_ event: DelayedEventRow) async throws -> Bool {
        let user = try accounts.userID(event.user)
        guard let account = try accounts.account(user), !account.isDeactivated, !account.isLocked else {
            throw Rejection(403, "M_USER_DEACTIVATED", "The account is closed.")
        }
        if account.isSuspended { throw Rejection(403, "M_USER_SUSPENDED", "The account is suspended.") }
        let room = try RoomID(parsing: event.roomID)
        let content = try JSONObject.parse(event.content, limits: .storedPayload) ?? [:]
        let caller = Self.caller(user, isGuest: account.isGuest)
        let companion: RoomCommands.Companion = { [self] outcome in
            guard let now = try queries.event(event.delayID), now.isScheduled, now.version == event.version else {
                throw Outrun()
            }
            let stream = Self.stream(of: event.delayID)
            let fact = DelayedEventFinalised(
                delayID: event.delayID, userID: user.rawValue, atMs: environment.nowMs(),
                eventID: outcome.eventID.rawValue)
            outcome.others.append(
                fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID))
            outcome.otherExpectations.append((stream, event.version))
        }
        do {
            if let stateKey = event.stateKey {
                _ = try await rooms.setState(
                    room: room, type: event.type, stateKey: stateKey, content: content,
                    transactionID: event.delayID, caller: caller, companion: companion)
            } else {
                _ = try await rooms.send(
                    room: room, type: event.type, content: content, transactionID: event.delayID, caller: caller,
                    companion: companion)
            }
            return true
        } catch is Outrun {
            return false
        } catch let error as IdentifierError {
            throw Rejection.invalidParam(error.message)
        }
    }
}

extension RoomCommands {
    /// Adds facts of other streams to what a command decided, for the same commit.
    typealias Companion = @Sendable (inout RoomLane.Outcome) throws -> Void

    /// Delayed state events that end with a state event of somebody else for the same entry: what they were to replace is
    /// not there any more.
    func supersede(_ draft: EventDraft, in outcome: inout RoomLane.Outcome, room: RoomID, caller: Caller) throws {
        guard let stateKey = draft.stateKey, !outcome.facts.isEmpty else { return }
        for event in try delayed.scheduled(for: room, type: draft.type, stateKey: stateKey) {
            let user = try accounts.userID(event.user)
            guard user != draft.sender else { continue }
            let fact = DelayedEventFinalised(
                delayID: event.delayID, userID: user.rawValue, atMs: environment.nowMs())
            let stream = DelayedEventCommands.stream(of: event.delayID)
            outcome.others.append(
                fact.record(stream: stream, actor: draft.sender.rawValue, cause: caller.requestID))
            outcome.otherExpectations.append((stream, event.version))
        }
    }
}
