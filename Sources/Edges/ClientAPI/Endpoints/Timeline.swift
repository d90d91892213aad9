import CanonicalJSON
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import Queries

/// `/messages`, `/context`, `/event`.
extension ClientAPI {
    private static let defaultLimit = 10
    private static let maximumLimit = 1000

    func addTimeline(to table: inout EndpointTable) {
        table.perform(.get, "/rooms/{roomId}/messages", .guest) { call in
            let backwards = try isBackwards(call)
            let limit = try limit(call)
            if backwards { try await fetchPast(call, pageLimit: limit) }
            let body = try timelineQueries.messages(
                room: try call.room,
                from: call.query("from"),
                to: call.query("to"),
                backwards: backwards,
                limit: limit,
                filter: try eventFilter(call),
                by: try call.asker
            )
            return .json(body)
        }
        table.read("/rooms/{roomId}/context/{eventId}", .guest) { call in
            let body = try timelineQueries.context(
                room: try call.room,
                event: try call.eventID,
                limit: try limit(call),
                filter: try eventFilter(call),
                by: try call.asker
            )
            return .json(body)
        }
        table.read("/rooms/{roomId}/timestamp_to_event", .user) { call in
            guard let timestamp = try call.integerQuery("ts") else { throw Rejection.missingParam("ts is missing.") }
            let found = try timelineQueries.event(
                closestTo: timestamp, backwards: try isBackwards(call), in: try call.room, by: try call.asker)
            return .json(["event_id": .string(found.eventID), "origin_server_ts": .integer(found.timestampMs)])
        }
        table.read("/rooms/{roomId}/event/{eventId}", .guest) { call in
            .json(try timelineQueries.event(room: try call.room, event: try call.eventID, by: try call.asker))
        }
    }

    /// So often other servers are asked for one page.
    private static let fetches = 3

    /// Asks other servers for what a page backwards would come to and is not known here.
    ///
    /// "it's possible that they might step backwards far enough into history before the homeserver itself was a member of that
    /// room. To cover this case, the federation API provides a server-to-server analog of the `/messages` client API".
    private func fetchPast(_ call: Call, pageLimit: Int) async throws {
        guard let remote else { return }
        let room = try call.room
        for _ in 0..<Self.fetches {
            let missing = try timelineQueries.missing(
                room: room, from: call.query("from"), to: call.query("to"), pageLimit: pageLimit,
                limit: RemoteHistory.mostMissing, by: try call.asker
            ).map(\.missing)
            guard !missing.isEmpty,
                try await remote.history.fetch(missing, in: room, requestID: call.request.requestID)
            else { return }
        }
    }

    private func isBackwards(_ call: Call) throws -> Bool {
        switch call.query("dir") {
        case "b": return true
        case "f": return false
        case nil: throw Rejection.missingParam("dir is missing.")
        default: throw Rejection.invalidParam("dir must be b or f.")
        }
    }

    private func limit(_ call: Call) throws -> Int {
        min(try call.countQuery("limit") ?? Self.defaultLimit, Self.maximumLimit)
    }

    private func eventFilter(_ call: Call) throws -> EventFilter {
        guard let text = call.query("filter"), !text.isEmpty else { return EventFilter() }
        return try EventFilter(json: .object(try Body.parse(Array(text.utf8))))
    }
}
