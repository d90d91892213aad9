import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import Queries

/// `/sync`.
extension ClientAPI {
    func addSync(to table: inout EndpointTable) {
        table.perform(.get, "/sync", .guest) { try await sync($0) }
    }

    private func sync(_ call: Call) async throws -> HTTPResponse {
        let since = try call.query("since").flatMap { $0.isEmpty ? nil : try SyncToken(parsing: $0) }
        let fullState = try call.flagQuery("full_state")
        let useStateAfter =
            try call.flagQuery("use_state_after") || call.flagQuery("org.matrix.msc4222.use_state_after")
        guard let presence = PresenceState.Availability(rawValue: call.query("set_presence") ?? "online") else {
            throw Rejection.invalidParam("set_presence must be offline, online or unavailable.")
        }
        ephemeral.presence.synced(try call.identity.userNum, as: presence)
        let timeout = max(0, min(try call.integerQuery("timeout") ?? 0, settings.maximumSyncTimeoutMs))
        let request = SyncRequest(
            asker: try call.asker,
            since: since,
            filter: try syncFilter(call),
            fullState: fullState,
            useStateAfter: useStateAfter
        )
        if let since { try await keys.acknowledge(since, asker: request.asker) }
        var answer = try syncQueries.sync(request)
        // "full_state: […] the request will not be long-polled"; neither is a first one.
        guard since != nil, !fullState, timeout > 0 else { return .json(answer.body) }
        let deadline = call.nowMs &+ timeout
        while !answer.hasNews {
            let wake = await notifier.wait(
                user: answer.waitUser, rooms: answer.waitRooms, after: answer.nextBatch, until: deadline)
            if Task.isCancelled || wake == .cancelled { throw CancellationError() }
            // Whoever was logged out while waiting hears of it now.
            if wake == .shutdown { break }
            _ = try authenticator.identity(of: call.request)
            if wake == .deadline { break }
            answer = try syncQueries.sync(request)
        }
        return .json(answer.body)
    }

    /// The filter that the query names by ID or carries as JSON.
    private func syncFilter(_ call: Call) throws -> SyncFilter {
        guard let text = call.query("filter"), !text.isEmpty else { return SyncFilter() }
        // "The ID of the filter […] Cannot start with a `{` as this character is used to determine if the filter
        // provided is inline JSON."
        if text.utf8.first == UInt8(ascii: "{") {
            return try SyncFilter(json: .object(try Body.parse(Array(text.utf8))))
        }
        guard let filter = try accountQueries.filter(try call.userID, id: text) else {
            throw Rejection.invalidParam("There is no filter of this ID.")
        }
        return try SyncFilter(json: filter)
    }
}
