import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel

/// `/report`: of rooms, events and users.
extension ClientAPI {
    private static let longestReason = 4096

    func addReports(to table: inout EndpointTable) {
        table.perform(.post, "/rooms/{roomId}/report", .user) { call in
            let room = try call.room
            guard try roomQueries.head(room) != nil else { throw Rejection.notFound("The room was not found.") }
            _ = try call.body().string("reason")
            return try await file(call) { ReportFiled(reporter: $0, roomID: room.rawValue, reason: $1) }
        }
        table.perform(.post, "/rooms/{roomId}/report/{eventId}", .user) { call in
            let (room, event) = (try call.room, try call.eventID)
            let score = try call.body().optionalInteger("score")
            // "404: The event was not found or you are not joined to the room where the event resides."
            guard try roomQueries.membership(room, call.userID)?.membership == .join,
                let stored = try roomQueries.event(event), stored.roomID == room,
                try roomQueries.canSee(call.userID, event)
            else { throw Rejection.notFound("The event was not found, or you are not in its room.") }
            return try await file(call) {
                ReportFiled(
                    reporter: $0, roomID: room.rawValue, eventID: event.rawValue, userID: stored.sender.rawValue,
                    reason: $1, score: score)
            }
        }
        table.perform(.post, "/users/{userId}/report", .user) { call in
            let user = try call.identifier("userId", as: UserID.self)
            // "404: The user was not found on the homeserver." Whether one exists elsewhere is for others to say.
            guard try user.serverName != environment.serverName || accountQueries.account(user) != nil else {
                throw Rejection.notFound("The user was not found.")
            }
            _ = try call.body().string("reason")
            return try await file(call) { ReportFiled(reporter: $0, userID: user.rawValue, reason: $1) }
        }
    }

    private func file(
        _ call: Call, _ report: @Sendable (_ reporter: String, _ reason: String) -> ReportFiled
    ) async throws -> HTTPResponse {
        let reason = try call.body().optionalString("reason") ?? ""
        guard reason.utf8.count <= Self.longestReason else { throw Rejection.invalidParam("reason is too long.") }
        try gate.pass(.message, try call.userID.rawValue)
        try await accounts.file(report(try call.userID.rawValue, reason), caller: call.caller)
        return .emptyObject
    }
}
