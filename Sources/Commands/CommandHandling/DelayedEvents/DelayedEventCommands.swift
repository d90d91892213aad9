package import CanonicalJSON
import Decisions
import EventLog
import EventSigning
import LogEvents
package import MatrixIdentifiers
package import Queries
package import ReadModel

/// Events that are sent later (MSC4140). Each function returns when its facts are durable and readable.
///
/// Every delayed event has a stream of its own in the log: sending it is one commit of the event and of the fact that it was
/// sent, which expects that stream to be where it was read. So it is sent once or never, whoever else restarts, cancels or
/// sends it at that moment, and whenever the power fails.
package final class DelayedEventCommands: Sendable {
    let environment: CommandEnvironment
    package let settings: DelayedEventSettings
    package let queries: DelayedEventQueries
    let rooms: RoomCommands
    let accounts: AccountQueries
    private let turns = KeyedTurns()

    package init(environment: CommandEnvironment, rooms: RoomCommands, settings: DelayedEventSettings) {
        self.environment = environment
        self.settings = settings
        self.rooms = rooms
        queries = DelayedEventQueries(views: environment.views)
        accounts = AccountQueries(views: environment.views)
    }

    // MARK: Scheduling

    /// An event as a client wants it.
    package struct Request: Sendable {
        package let room: RoomID
        package let type: String
        package let stateKey: String?
        package let content: JSONObject
        package let delayMs: Int64
        package let transactionID: String?

        package init(
            room: RoomID, type: String, stateKey: String?, content: JSONObject, delayMs: Int64, transactionID: String?
        ) {
            self.room = room
            self.type = type
            self.stateKey = stateKey
            self.content = content
            self.delayMs = delayMs
            self.transactionID = transactionID
        }
    }

    /// Schedules an event and answers its delay ID; a repeated transaction gets the first one's.
    package func schedule(_ request: Request, caller: Caller) async throws -> String {
        guard settings.longestDelayMs != nil, settings.mostPerUser > 0 else {
            throw Rejection.forbidden("This server sends no events later.")
        }
        guard request.delayMs > 0 else { throw Rejection.invalidParam("The delay must be a positive number.") }
        guard try rooms.rooms.membership(request.room, caller.userID)?.membership == .join else {
            throw Rejection.forbidden("You are not in this room, or it does not exist.")
        }
        // One at a time, so that a repetition finds what the first one did and the limit is exact.
        return try await turns.run(caller.userID.rawValue) { [self] in
            if let transactionID = request.transactionID, let deviceID = caller.deviceID,
                let known = try queries.transaction(
                    user: caller.userID, deviceID: deviceID, transactionID: transactionID, room: request.room)
            {
                return known
            }
            try checkLimit(caller.userID)
            let delayID = UnpaddedBase64.encodeURLSafe(environment.randomBytes(18))
            let fact = DelayedEventScheduled(
                delayID: delayID, userID: caller.userID.rawValue, roomID: request.room.rawValue, type: request.type,
                stateKey: request.stateKey, content: .object(request.content), delayMs: request.delayMs,
                atMs: environment.nowMs(), deviceID: request.transactionID == nil ? nil : caller.deviceID,
                transactionID: request.transactionID)
            try await append(fact, delayID: delayID, expecting: 0, caller: caller)
            return delayID
        }
    }

    /// "If a user's request to schedule a delayed event would exceed this limit, the homeserver will respond with HTTP 429
    /// […] until the scheduled send time of the next of the user's delayed events".
    private func checkLimit(_ user: UserID) throws {
        let scheduled = try queries.scheduled(of: user)
        guard scheduled.count >= settings.mostPerUser, let next = scheduled.first else { return }
        throw Rejection(
            429, "M_LIMIT_EXCEEDED", "You have scheduled as many events as one user may.",
            extra: ["retry_after_ms": .integer(max(1, next.dueMs &- environment.nowMs()))])
    }

    // MARK: What its sender may do with it

    /// A delayed event of the caller's.
    package func own(_ delayID: String, caller: Caller) throws -> DelayedEventRow {
        guard let event = try queries.event(delayID), try accounts.number(of: caller.userID) == event.user else {
            throw Rejection.notFound("You have no such delayed event.")
        }
        return event
    }

    /// "Reset the delayed event's scheduled send time to be the current time + its original `delay_ms`."
    package func restart(_ delayID: String, caller: Caller) async throws {
        try await change(delayID, caller: caller) { event, now in
            guard event.isScheduled else { throw Self.conflict }
            return DelayedEventRestarted(delayID: delayID, userID: caller.userID.rawValue, atMs: now)
        }
    }

    /// "Cancel the delayed event so that it is never sent."
    package func cancel(_ delayID: String, caller: Caller) async throws {
        try await change(delayID, caller: caller) { event, now in
            guard event.isScheduled else {
                if event.eventID != nil { throw Self.conflict }
                return nil
            }
            return DelayedEventFinalised(delayID: delayID, userID: caller.userID.rawValue, atMs: now)
        }
    }

    /// "Send the delayed event immediately instead of waiting for its scheduled send time." One that cannot be sent stays
    /// scheduled.
    package func sendNow(_ delayID: String, caller: Caller) async throws {
        let event = try own(delayID, caller: caller)
        if event.isScheduled, try await deliver(event) { return }
        guard try own(delayID, caller: caller).eventID != nil else { throw Self.conflict }
    }

    /// "If the target delayed event is already finalised with an outcome that conflicts with the `action` […] HTTP 409"
    private static let conflict = Rejection(409, "M_UNKNOWN", "The event was sent or cancelled already.")

    private func change(
        _ delayID: String, caller: Caller, _ decide: (DelayedEventRow, Int64) throws -> (any LogEvent)?
    ) async throws {
        var attempt = 0
        while true {
            let event = try own(delayID, caller: caller)
            guard let fact = try decide(event, environment.nowMs()) else { return }
            do {
                return try await append(fact, delayID: delayID, expecting: event.version, caller: caller)
            } catch AppendFault.conflict(let stream, let actual) {
                // Somebody was first; what they did may not be readable yet.
                attempt += 1
                guard attempt < 6 else { throw AppendFault.conflict(stream, actual: actual) }
                try await Task.sleep(for: .milliseconds(2 << attempt))
            }
        }
    }

    // MARK: Shared

    static func stream(of delayID: String) -> StreamID { StreamID(kind: .server, name: "delayed-event/" + delayID) }

    func append(_ fact: any LogEvent, delayID: String, expecting version: UInt64, caller: Caller) async throws {
        let stream = Self.stream(of: delayID)
        let record = fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID)
        _ = try await environment.log.append(LogBatch(records: [record], expected: [(stream, version)]))
    }
}
