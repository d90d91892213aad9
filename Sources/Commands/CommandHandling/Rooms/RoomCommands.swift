package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import Queries
import RoomVersions

/// Everything a client may ask of a room. Each function returns when its facts are durable and readable.
///
/// All throw ``Rejection`` for what the rules forbid and `AppendFault` for what the machine could not do.
package final class RoomCommands: Sendable {
    package let environment: CommandEnvironment
    let lanes: RoomLanes
    let loader: RoomHeadLoader
    let decider: RoomDecider
    let rooms: RoomQueries
    let accounts: AccountQueries
    let delayed: DelayedEventQueries
    /// Who makes the rooms of server notices.
    let noticesUser: UserID?

    package init(environment: CommandEnvironment, noticesUser: UserID? = nil) {
        self.noticesUser = noticesUser
        delayed = DelayedEventQueries(views: environment.views)
        self.environment = environment
        rooms = RoomQueries(views: environment.views)
        accounts = AccountQueries(views: environment.views)
        loader = RoomHeadLoader(log: environment.log, rooms: rooms)
        lanes = RoomLanes(loader: loader, log: environment.log)
        decider = RoomDecider(serverName: environment.serverName, signingKey: environment.signingKey)
    }

    // MARK: Events

    /// Sends a message event. A repeated transaction id returns the first one's event.
    package func send(
        room: RoomID,
        type: String,
        content: JSONObject,
        transactionID: String?,
        timestampMs: Int64? = nil,
        caller: Caller
    ) async throws -> EventID {
        try await send(
            room: room, type: type, content: content, transactionID: transactionID, timestampMs: timestampMs,
            caller: caller, companion: nil)
    }

    func send(
        room: RoomID, type: String, content: JSONObject, transactionID: String?, timestampMs: Int64? = nil,
        caller: Caller, companion: Companion?
    ) async throws -> EventID {
        // "m.room.redaction … servers must accept it through /send as well" (v1.18): the target is in content.
        if type == "m.room.redaction", let target = content["redacts"]?.stringValue {
            guard let eventID = EventID(target) else { throw Rejection.invalidParam("redacts is not an event ID.") }
            return try await redact(
                room: room, eventID: eventID, content: content, transactionID: transactionID, caller: caller,
                companion: companion)
        }
        try Self.checkTombstone(type, content, in: room)
        let draft = EventDraft(
            type: type,
            content: content,
            sender: caller.userID,
            originServerTS: timestampMs ?? environment.nowMs()
        )
        if content["m.relates_to"] != nil, try !isRepeated(transactionID, in: room, caller: caller) {
            try checkRelation(of: content, type: type, room: room, caller: caller)
        }
        return try await append(
            draft, to: room, transactionID: transactionID, caller: caller, companion: companion)
    }

    /// Whether a transaction is known: a repeated one gets the first one's answer, whatever would be said to it today.
    private func isRepeated(_ transactionID: String?, in room: RoomID, caller: Caller) throws -> Bool {
        guard let scope = transactionScope(transactionID, caller: caller) else { return false }
        return try loader.committedTransaction(scope, room: room) != nil
    }

    /// Sets an entry of the room's state; the same content again returns the event that holds it.
    package func setState(
        room: RoomID,
        type: String,
        stateKey: String,
        content: JSONObject,
        timestampMs: Int64? = nil,
        caller: Caller
    ) async throws -> EventID {
        try await setState(
            room: room, type: type, stateKey: stateKey, content: content, timestampMs: timestampMs,
            transactionID: nil, caller: caller, companion: nil)
    }

    func setState(
        room: RoomID, type: String, stateKey: String, content: JSONObject, timestampMs: Int64? = nil,
        transactionID: String?, caller: Caller, companion: Companion?
    ) async throws -> EventID {
        if type == "m.room.canonical_alias" { try checkAliases(content, of: room) }
        try Self.checkTombstone(type, content, in: room)
        var content = content
        if type == "m.room.member" {
            content = try await membershipContent(from: content, stateKey: stateKey, room: room, caller: caller)
            if caller.isGuest, content["membership"] == "join" { try requireOpenToGuests(room) }
            if content["membership"] == "leave", stateKey == caller.userID.rawValue {
                try requireLeavable(room, caller.userID)
            }
        }
        let draft = EventDraft(
            type: type,
            stateKey: stateKey,
            content: content,
            sender: caller.userID,
            originServerTS: timestampMs ?? environment.nowMs()
        )
        let eventID = try await append(
            draft, to: room, transactionID: transactionID, caller: caller, companion: companion)
        if type == "m.room.guest_access" { try await dismissGuests(from: room, caller: caller) }
        return eventID
    }

    /// A room replaced by itself would send its clients round in circles.
    static func checkTombstone(_ type: String, _ content: JSONObject, in room: RoomID) throws(Rejection) {
        guard type == "m.room.tombstone", let replacement = content["replacement_room"]?.stringValue else { return }
        if replacement.utf8.elementsEqual(room.rawValue.utf8) {
            throw Rejection.invalidParam("A room cannot be replaced by itself.")
        }
    }

    func append(
        _ draft: EventDraft,
        to room: RoomID,
        transactionID: String?,
        caller: Caller,
        companion: Companion? = nil
    ) async throws -> EventID {
        let scope = transactionScope(transactionID, caller: caller)
        let decider = decider
        let isGuest = caller.isGuest
        return try await inLane(room, caller: caller, scope: scope) { [self] head in
            if let stateKey = draft.stateKey, let current = try head.held(draft.type, stateKey),
                current.pdu.sender == draft.sender, current.pdu.content == draft.content
            {
                var outcome = RoomLane.Outcome(facts: [], eventID: current.eventID)
                try companion?(&outcome)
                return outcome
            }
            if isGuest, draft.type == "m.room.member", draft.content["membership"]?.stringValue == "join" {
                try Self.requireOpenToGuests(&head)
            }
            let (held, fact) = try decider.decide(draft, on: &head, sentBy: scope?.transaction)
            let departures = try guestDepartures(after: draft, on: &head)
            var outcome = RoomLane.Outcome(facts: [fact] + departures, eventID: held.eventID)
            try companion?(&outcome)
            try supersede(draft, in: &outcome, room: room, caller: caller)
            return outcome
        }
    }

    func transactionScope(_ transactionID: String?, caller: Caller) -> RoomLane.TransactionScope? {
        guard let transactionID, let deviceID = caller.deviceID else { return nil }
        return RoomLane.TransactionScope(
            userID: caller.userID,
            transaction: PDURecorded.ClientTransaction(deviceID: deviceID, transactionID: transactionID)
        )
    }

    func inLane(
        _ room: RoomID,
        caller: Caller,
        scope: RoomLane.TransactionScope? = nil,
        decide: @Sendable (inout RoomHeadState) throws -> RoomLane.Outcome
    ) async throws -> EventID {
        do {
            return try await lanes.perform(in: room, caller: caller, scope: scope) { [self] head in
                try decideOnBoundedHead(&head, decide)
            }
        } catch is RoomHeadLoader.UnknownRoom {
            // The same answer as for a room that the caller is not in: it does not tell which rooms exist.
            throw Rejection.forbidden("You are not in this room, or it does not exist.")
        }
    }

    // MARK: Redaction

    /// Redacts an event: one's own, or anybody's with the room's `redact` level.
    package func redact(
        room: RoomID,
        eventID: EventID,
        reason: String?,
        transactionID: String?,
        caller: Caller
    ) async throws -> EventID {
        var content = JSONObject()
        if let reason { content["reason"] = .string(reason) }
        return try await redact(
            room: room, eventID: eventID, content: content, transactionID: transactionID, caller: caller,
            companion: nil)
    }

    private func redact(
        room: RoomID,
        eventID: EventID,
        content: JSONObject,
        transactionID: String?,
        caller: Caller,
        companion: Companion?
    ) async throws -> EventID {
        guard let target = try rooms.event(eventID) else {
            throw Rejection.notFound("There is no event \(eventID) in this room.")
        }
        guard target.roomID == room else {
            throw Rejection.invalidParam("The event \(eventID) is not in this room.")
        }
        let targetSender = target.sender
        let opensToGuests = target.type == "m.room.guest_access"
        let isCreate = target.type == "m.room.create"
        let draft = EventDraft(
            type: "m.room.redaction",
            content: content,
            sender: caller.userID,
            redacts: eventID,
            originServerTS: environment.nowMs()
        )
        let scope = transactionScope(transactionID, caller: caller)
        let decider = decider
        let redaction = try await inLane(room, caller: caller, scope: scope) { head in
            var draft = draft
            if head.version.redactsInContent { draft.content["redacts"] = .string(eventID.rawValue) }
            // "A user needs the redact level to redact the messages of others" (m.room.power_levels).
            let levels = try head.powerLevels()
            let own = targetSender == draft.sender
            guard own || levels.level(of: draft.sender) >= levels.redact else {
                throw Rejection.forbidden("You do not have permission to redact this event.")
            }
            guard !isCreate else { throw Rejection.forbidden("The create event of a room cannot be redacted.") }
            let (held, fact) = try decider.decide(draft, on: &head, sentBy: scope?.transaction)
            var outcome = RoomLane.Outcome(facts: [fact], eventID: held.eventID)
            try companion?(&outcome)
            return outcome
        }
        if opensToGuests { try await dismissGuests(from: room, caller: caller) }
        return redaction
    }
}
