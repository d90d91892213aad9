import CanonicalJSON
import Decisions
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/events`, `/initialSync` and `/rooms/{roomId}/initialSync`: what came before `/sync`, and what room previews use.
extension ClientAPI {
    private static let defaultMessages = 10
    private static let defaultEvents = 100
    private static let maximumLimit = 1000
    /// How long `/events` waits when the client does not say.
    private static let defaultTimeoutMs: Int64 = 10_000

    func addOldStream(to table: inout EndpointTable) {
        table.perform(.get, "/events", .guest) { try await events($0) }
        table.read("/events/{eventId}", .user) { call in
            .json(try timelineQueries.event(room: nil, event: try call.eventID, by: try call.asker))
        }
        table.read("/initialSync", .user) { call in
            ephemeral.presence.synced(try call.identity.userNum, as: .online)
            let body = try oldStreamQueries.initialSync(
                limit: try messageLimit(call), includesLeft: try call.flagQuery("archived"), by: try call.asker)
            return .json(body)
        }
        table.read("/rooms/{roomId}/initialSync", .guest) { call in
            let body = try oldStreamQueries.initialSync(
                of: try call.room, limit: try messageLimit(call), by: try call.asker)
            return .json(body)
        }
    }

    private func messageLimit(_ call: Call) throws -> Int {
        min(try call.countQuery("limit") ?? Self.defaultMessages, Self.maximumLimit)
    }

    /// "This will block until an event is received, or until the `timeout` is reached."
    private func events(_ call: Call) async throws -> HTTPResponse {
        let room = try call.query("room_id").map { try RoomID(parsing: $0) }
        // Guests use it "as used for room previews".
        if room == nil, try call.identity.isGuest {
            throw Rejection(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests must say which room they want to hear of.")
        }
        let timeout = try call.integerQuery("timeout") ?? Self.defaultTimeoutMs
        let deadline = call.nowMs &+ max(0, min(timeout, settings.maximumSyncTimeoutMs))
        let limit = min(try call.countQuery("limit") ?? Self.defaultEvents, Self.maximumLimit)
        let from = try call.query("from").flatMap { $0.isEmpty ? nil : try SyncToken(parsing: $0) }
        ephemeral.presence.synced(try call.identity.userNum, as: .online)
        var request = OldStreamQueries.EventsRequest(asker: try call.asker, from: from, room: room, limit: limit)
        var answer = try oldStreamQueries.events(request)
        // A client that did not say where to begin begins here.
        if from == nil { request.from = answer.nextBatch }
        while !answer.hasNews, timeout > 0 {
            let wake = await notifier.wait(
                user: answer.waitUser, rooms: answer.waitRooms, after: answer.nextBatch, until: deadline)
            if Task.isCancelled || wake == .cancelled { throw CancellationError() }
            if wake == .shutdown { break }
            // Whoever was logged out while waiting hears of it now.
            _ = try authenticator.identity(of: call.request)
            if wake == .deadline { break }
            answer = try oldStreamQueries.events(request)
        }
        return .json(answer.body)
    }
}
