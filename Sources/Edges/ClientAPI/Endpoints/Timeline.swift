import CanonicalJSON
import Decisions
import EndpointSupport
import HTTPFront
import Queries

/// `/messages`, `/context`, `/event`.
extension ClientAPI {
    private static let defaultLimit = 10
    private static let maximumLimit = 1000

    func addTimeline(to table: inout EndpointTable) {
        table.read("/rooms/{roomId}/messages", .guest) { call in
            let body = try timelineQueries.messages(
                room: try call.room,
                from: call.query("from"),
                to: call.query("to"),
                backwards: try isBackwards(call),
                limit: try limit(call),
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
