import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// Events that are sent later (MSC4140), under their names before the specification has them.
extension ClientAPI {
    private static let unstable = "/_matrix/client/unstable/org.matrix.msc4140"

    func addDelayedEvents(to table: inout EndpointTable) {
        let room = Self.unstable + "/rooms/{roomId}/delayed_event/{eventType}/{txnId}"
        table.perform(.put, room, .guest.notSuspended) { call in
            let body = try call.body()
            guard let delay = try body.optionalInteger("delay_ms") else {
                throw Rejection.missingParam("delay_ms is missing.")
            }
            guard let content = try body.optionalObject("content") else {
                throw Rejection.missingParam("content is missing.")
            }
            let (stateKey, transaction) = (try body.optionalString("state_key"), call["txnId"])
            return try await schedule(
                call, delayMs: delay, stateKey: stateKey, content: try Body(content).eventContent,
                transactionID: transaction)
        }
        let all = Self.unstable + "/delayed_events"
        table.read(all, .guest) { call in
            let events = try delayedEvents.queries.scheduled(of: try call.userID)
            return .json(["delayed_events": .array(try events.map { .object(try Self.json(of: $0)) })])
        }
        table.read(all + "/{delayId}", .guest) { call in
            .json(.object(try Self.json(of: try delayedEvents.own(call["delayId"], caller: call.caller))))
        }
        table.perform(.post, all + "/{delayId}/{action}", .guest) { call in
            _ = try call.optionalBody()
            return try await manage(call, action: call["action"])
        }
        // The action stood in the body in the proposal's first form.
        table.perform(.post, all + "/{delayId}", .guest) { call in
            try await manage(call, action: try call.body().string("action"))
        }
    }

    /// The delay that a request to `/send` or `/state` asks for, in the proposal's first form; nil for the usual ones.
    func requestedDelay(_ call: Call) throws -> Int64? { try call.integerQuery("org.matrix.msc4140.delay") }

    /// Schedules an event instead of sending it.
    func schedule(
        _ call: Call, delayMs: Int64, stateKey: String?, content: JSONObject, transactionID: String?
    ) async throws -> HTTPResponse {
        let room = try call.room
        if let longest = delayedEvents.settings.longestDelayMs, delayMs > longest {
            // "If a requested delay exceeds this maximum, the homeserver will respond with HTTP 403 […] M_FORBIDDEN";
            // the other members are what clients of the first form look at.
            throw MatrixError(
                status: 403, errcode: "M_FORBIDDEN", message: "The delay is longer than \(longest) ms.",
                extra: [
                    ("org.matrix.msc4140.errcode", "M_MAX_DELAY_EXCEEDED"),
                    ("org.matrix.msc4140.max_delay", .integer(longest)),
                ])
        }
        try gate.pass(.message, try call.userID.rawValue)
        let request = DelayedEventCommands.Request(
            room: room, type: call["eventType"], stateKey: stateKey, content: content, delayMs: delayMs,
            transactionID: transactionID)
        let delayID = try await delayedEvents.schedule(request, caller: call.caller)
        return .json(["delay_id": .string(delayID)])
    }

    private func manage(_ call: Call, action: String) async throws -> HTTPResponse {
        let user = try call.userID.rawValue
        try gate.pass(.delayedEventManagement, user)
        let (delayID, caller) = (call["delayId"], try call.caller)
        switch action {
        case "restart": try await delayedEvents.restart(delayID, caller: caller)
        case "cancel": try await delayedEvents.cancel(delayID, caller: caller)
        case "send":
            try gate.pass(.message, user)
            try await delayedEvents.sendNow(delayID, caller: caller)
        default: throw Rejection.invalidParam("The action must be restart, cancel or send.")
        }
        return .emptyObject
    }

    /// "a JSON object containing the following fields"; `delay` and `running_since` are what two had for names at first.
    private static func json(of event: DelayedEventRow) throws -> JSONObject {
        var json: JSONObject = [
            "delay_id": .string(event.delayID), "room_id": .string(event.roomID), "type": .string(event.type),
            "delay_ms": .integer(event.delayMs), "scheduled_at": .integer(event.scheduledMs),
            "delay": .integer(event.delayMs), "running_since": .integer(event.scheduledMs),
            "content": try JSONValue.parse(event.content),
        ]
        if let stateKey = event.stateKey { json["state_key"] = .string(stateKey) }
        guard !event.isScheduled else { return json }
        json["finalised_ts"] = .integer(event.finalisedMs)
        if let eventID = event.eventID { json["event_id"] = .string(eventID) }
        if !event.error.isEmpty { json["error"] = try JSONValue.parse(event.error) }
        return json
    }

    /// "The values of both the maximum allowed delay and the maximum allowed number of scheduled events are advertised as a
    /// capability".
    var delayedEventsCapability: JSONValue? {
        guard let longest = delayedEvents.settings.longestDelayMs else { return nil }
        return [
            "max_delay_ms": .integer(longest), "max_scheduled": .integer(Int64(delayedEvents.settings.mostPerUser)),
        ]
    }
}
