import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// Sliding sync (MSC4186), under its own path and under the one that clients knew before, and `/thread_updates` (MSC4360).
extension ClientAPI {
    func addSlidingSync(to table: inout EndpointTable) {
        table.perform(.post, "/_matrix/client/v4/sync", .guest) { try await slidingSync($0, .stable) }
        table.perform(.post, "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", .guest) {
            try await slidingSync($0, .unstable)
        }
        for path in ["/_matrix/client/v1/thread_updates", "/_matrix/client/unstable/io.element.msc4360/thread_updates"]
        {
            table.read(path, .user) { try threadUpdates($0) }
        }
    }

    private func slidingSync(_ call: Call, _ dialect: SlidingDialect) async throws -> HTTPResponse {
        let request = try SlidingSyncRequest(
            call.optionalBody().object, me: call.userID.rawValue, query: { call.query($0) })
        guard let presence = PresenceState.Availability(rawValue: request.setPresence ?? "online") else {
            throw Rejection.invalidParam("set_presence must be offline, online or unavailable.")
        }
        ephemeral.presence.synced(try call.identity.userNum, as: presence)
        let asker = try call.asker
        // "The `events` are treated as "acknowledged" when the server receives a new request with the `since` value set to
        // the previous response's `next_batch` value."
        if let acknowledged = try request.acknowledgedToDevice {
            try await keys.acknowledge(acknowledged, asker: asker)
        }
        var answer = try slidingSyncQueries.look(request, asker: asker, dialect: dialect)
        let timeout = min(request.timeoutMs, settings.maximumSyncTimeoutMs)
        // "If omitted (or set to 0) the response is always returned immediately, even if there are no changes. Ignored when
        // no `pos` is set."
        let deadline = call.nowMs &+ timeout
        while !answer.hasNews, timeout > 0 {
            let wake = await notifier.wait(
                user: answer.waitUser, rooms: answer.waitRooms, after: answer.token, until: deadline)
            if Task.isCancelled || wake == .cancelled { throw CancellationError() }
            if wake == .shutdown { break }
            // Whoever was logged out while waiting hears of it now.
            _ = try authenticator.identity(of: call.request)
            if wake == .deadline { break }
            answer = try slidingSyncQueries.look(request, asker: asker, dialect: dialect)
        }
        return .json(slidingSyncQueries.finish(answer))
    }

    private func threadUpdates(_ call: Call) throws -> HTTPResponse {
        // "`dir` (string, required): always `b` (backward)".
        guard call.query("dir") == "b" else { throw Rejection.invalidParam("dir must be b.") }
        let limit = try call.countQuery("limit") ?? ThreadUpdateQueries.largestPage
        guard limit > 0 else { throw Rejection.invalidParam("limit must be greater than zero.") }
        return .json(
            try threadUpdateQueries.page(
                from: call.query("from"), to: call.query("to"), limit: limit, by: try call.asker))
    }
}
