import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/event`, `/backfill`, `/get_missing_events` and `/timestamp_to_event`.
extension FederationAPI {
    /// How many events one request may name.
    private static let mostNamed = 100

    func addEvents(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/event/{eventId}") { call in
            transaction([try events.event(try call.eventID, for: call.origin)], call)
        }
        table.signed(.get, "/_matrix/federation/v1/backfill/{roomId}") { call in
            let starts = try eventIDs(call.request.query.all("v"), "v")
            guard !starts.isEmpty else { throw Rejection.missingParam("v is missing.") }
            guard let limit = try call.countQuery("limit") else { throw Rejection.missingParam("limit is missing.") }
            return transaction(
                try events.backfill(try call.room, from: starts, limit: limit, for: call.origin), call)
        }
        table.signed(.post, "/_matrix/federation/v1/get_missing_events/{roomId}") { try missingEvents($0) }
        table.signed(.get, "/_matrix/federation/v1/timestamp_to_event/{roomId}") { call in
            guard let time = try call.countQuery("ts") else { throw Rejection.missingParam("ts is missing.") }
            let backwards: Bool
            switch call.query("dir") {
            case "f": backwards = false
            case "b": backwards = true
            case nil: throw Rejection.missingParam("dir is missing.")
            default: throw Rejection.invalidParam("dir must be f or b.")
            }
            let found = try events.event(
                closestTo: Int64(time), backwards: backwards, in: try call.room, for: call.origin)
            return .json(["event_id": .string(found.eventID), "origin_server_ts": .integer(found.timestampMs)])
        }
    }

    private func missingEvents(_ call: FederationCall) throws -> HTTPResponse {
        let body = try call.body()
        let limit = try body.optionalInteger("limit") ?? 10
        let minDepth = try body.optionalInteger("min_depth") ?? 0
        guard limit >= 0 else { throw Rejection.invalidParam("limit must not be negative.") }
        let request = FederationEventQueries.MissingRequest(
            latest: try eventIDs(try body.strings("latest_events"), "latest_events"),
            earliest: try eventIDs(try body.strings("earliest_events"), "earliest_events"),
            limit: Int(clamping: limit),
            minDepth: minDepth)
        let found = try events.missingEvents(request, in: try call.room, for: call.origin)
        var writer = JSONWriter(capacity: 64 + found.reduce(0) { $0 + $1.count + 1 })
        writer.beginObject()
        writer.key("events")
        writer.beginArray()
        for event in found { writer.raw(event) }
        writer.endArray()
        writer.endObject()
        return .json(writer.bytes)
    }

    private func eventIDs(_ texts: [String], _ name: String) throws -> [EventID] {
        guard texts.count <= Self.mostNamed else {
            throw Rejection.invalidParam("\(name) may have at most \(Self.mostNamed) event IDs.")
        }
        return try texts.map { text in
            guard let eventID = EventID(text) else { throw Rejection.invalidParam("\(name) has what is no event ID.") }
            return eventID
        }
    }

    /// "A transaction containing the PDUs".
    private func transaction(_ pdus: [[UInt8]], _ call: FederationCall) -> HTTPResponse {
        var writer = JSONWriter(capacity: 128 + pdus.reduce(0) { $0 + $1.count + 1 })
        writer.beginObject()
        writer.field("origin", environment.serverName.rawValue)
        writer.field("origin_server_ts", call.nowMs)
        writer.key("pdus")
        writer.beginArray()
        for pdu in pdus { writer.raw(pdu) }
        writer.endArray()
        writer.endObject()
        return .json(writer.bytes)
    }
}
