import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/send` and `/redact`.
extension ClientAPI {
    func addSending(to table: inout EndpointTable) {
        table.perform(.put, "/rooms/{roomId}/send/{eventType}/{txnId}", .guest) { call in
            try await send(call, transactionID: call["txnId"])
        }
        table.perform(.post, "/rooms/{roomId}/send/{eventType}", .guest) { call in
            try await send(call, transactionID: nil)
        }
        table.perform(.put, "/rooms/{roomId}/redact/{eventId}/{txnId}", .guest) { call in
            try await redact(call, transactionID: call["txnId"])
        }
        table.perform(.post, "/rooms/{roomId}/redact/{eventId}", .guest) { call in
            try await redact(call, transactionID: nil)
        }
    }

    private func send(_ call: Call, transactionID: String?) async throws -> HTTPResponse {
        let type = call["eventType"]
        // A suspended user may still take back what they wrote.
        if try call.identity.isSuspended, type != "m.room.redaction" {
            throw Rejection(403, "M_USER_SUSPENDED", "Sending messages while suspended is forbidden")
        }
        let content = try call.body().eventContent
        noteActivity(call)
        if let delay = try requestedDelay(call) {
            return try await schedule(
                call, delayMs: delay, stateKey: nil, content: content, transactionID: transactionID)
        }
        try gate.pass(.message, try call.userID.rawValue)
        let eventID = try await rooms.send(
            room: call.room, type: type, content: content, transactionID: transactionID, caller: call.caller)
        return Self.eventAnswer(eventID)
    }

    private func redact(_ call: Call, transactionID: String?) async throws -> HTTPResponse {
        let reason = try call.optionalBody().optionalString("reason")
        try gate.pass(.message, try call.userID.rawValue)
        let eventID = try await rooms.redact(
            room: call.room, eventID: call.eventID, reason: reason, transactionID: transactionID, caller: call.caller)
        return Self.eventAnswer(eventID)
    }

    static func eventAnswer(_ eventID: EventID) -> HTTPResponse { .json(["event_id": .string(eventID.rawValue)]) }
}
