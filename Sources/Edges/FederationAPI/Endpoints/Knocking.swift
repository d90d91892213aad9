import CanonicalJSON
import Decisions
import HTTPFront
import MatrixEvents
import Queries

/// `/make_knock` and `/send_knock`.
extension FederationAPI {
    func addKnocking(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/make_knock/{roomId}/{userId}") { call in
            let versions = call.request.query.all("ver")
            guard !versions.isEmpty else { throw Rejection.missingParam("ver is missing.") }
            return try await template(.knock, call, supported: versions)
        }
        table.signed(.put, "/_matrix/federation/v1/send_knock/{roomId}/{eventId}") { call in
            _ = try await accept(.knock, call)
            // "A list of state events to help the initiator of the knock identify the room."
            var writer = JSONWriter(capacity: 8192)
            writer.beginObject()
            writer.key("knock_room_state")
            writer.beginArray()
            for event in try states.identifyingState(of: try call.room) { writer.raw(event) }
            writer.endArray()
            writer.endObject()
            return .json(writer.bytes)
        }
    }
}
